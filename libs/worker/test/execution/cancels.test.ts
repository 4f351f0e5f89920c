import { expect, test } from "vitest";
import { Cancels } from "../../src/execution/cancels.ts";

test("a cancel is for what lies before it, from when it is read until it is done", () => {
  const cancels = new Cancels();
  expect(cancels.none).toBe(true);
  cancels.read("a", 5);
  expect(cancels.covers("a", 4)).toBe(true);
  expect(cancels.covers("a", 6)).toBe(false);
  expect(cancels.covers("b", 4)).toBe(false);
  cancels.admit("a", 5, true);
  expect(cancels.takeDone("a")).toEqual([5]);
  expect(cancels.covers("a", 4)).toBe(false);
  expect(cancels.none).toBe(true);
});

test("C10: it does not count as done before its turn in the lane has come", () => {
  const cancels = new Cancels();
  cancels.read("a", 5);
  cancels.read("a", 9);
  cancels.admit("a", 5, true);
  expect(cancels.takeDone("a")).toEqual([5]);
  expect(cancels.takeDone("a")).toEqual([]);
  cancels.admit("a", 9, true);
  expect(cancels.takeDone("a")).toEqual([9]);
});

test("one that was done before a restart is forgotten in its turn", () => {
  const cancels = new Cancels();
  cancels.read("a", 5);
  cancels.admit("a", 5, false);
  expect(cancels.none).toBe(true);
});

test("C3: while its request is on the way to the end of the lane it stays, and is for what comes there", () => {
  const cancels = new Cancels();
  cancels.moving("a");
  cancels.read("a", 5);
  cancels.admit("a", 5, true);
  expect(cancels.takeDone("a")).toEqual([]);
  expect(cancels.covers("a", 6)).toBe(true);
  expect(cancels.takeDone("a")).toEqual([5]);
});
