import { expect, test } from "vitest";
import { doneAbove } from "../src/topics.ts";

test("the metadata of a commit names what is done above the mark", () => {
  expect(doneAbove(10, "")).toEqual([]);
  expect(doneAbove(10, `b${Buffer.from([0b1000_0001, 0b10]).toString("base64url")}`)).toEqual([11, 18, 20]);
});
