import { expect, test } from "vitest";
import { pauseOf, type Sample, waitingWithin, waitsOf } from "../src/paced/samples.ts";

const sample = (lane: number, dueMs: number, answeredMs: number): Sample => ({
  lane,
  dueMs,
  answeredMs,
  by: 1,
});

test("who waits at any time of a window belongs to it, also when it came before or was answered after", () => {
  const before = sample(0, 0, 99);
  const into = sample(0, 0, 100);
  const within = sample(0, 120, 130);
  const across = sample(0, 50, 500);
  const outOf = sample(0, 200, 300);
  const after = sample(0, 201, 300);
  const all = [before, into, within, across, outOf, after];
  expect(waitingWithin(all, { fromMs: 100, toMs: 200 })).toEqual([into, within, across, outOf]);
});

test("waits are counted from when a request was due, and ascend as numbers", () => {
  expect([...waitsOf([sample(0, 10, 110), sample(1, 0, 9), sample(2, 5, 15)])]).toEqual([9, 10, 100]);
});

test("the pause of a lane is its longest wait around the move, over what is usual", () => {
  const samples = [
    sample(3, 0, 900), // long ago
    sample(3, 990, 1_150), // from before the release until the new owner answers
    sample(3, 1_050, 1_160),
    sample(4, 1_000, 1_999), // another lane
  ];
  expect(pauseOf(3, { fromMs: 1_000, toMs: 1_100 }, samples, 10)).toBe(150);
});

test("a lane that was quicker than usual had no pause, and of one that was not asked nobody can tell", () => {
  const window = { fromMs: 0, toMs: 100 };
  expect(pauseOf(3, window, [sample(3, 10, 15)], 10)).toBe(0);
  expect(pauseOf(3, window, [sample(3, 101, 115)], 10)).toBeUndefined();
});
