import { expect, test } from "vitest";
import { percentile, ratioOf, sorted } from "../src/figures.ts";

const upTo = (n: number) => Float64Array.from({ length: n }, (_, i) => i + 1);

test("percentiles are nearest-rank: values that were measured", () => {
  expect(percentile(upTo(100), 50)).toBe(50);
  expect(percentile(upTo(100), 99)).toBe(99);
  expect(percentile(upTo(101), 50)).toBe(51);
  expect(percentile(upTo(3), 100)).toBe(3);
  expect(percentile(Float64Array.of(7), 1)).toBe(7);
});

test("there is no percentile of nothing, and none outside 0 to 100", () => {
  expect(() => percentile(new Float64Array(), 50)).toThrow("nothing was measured");
  expect(() => percentile(upTo(3), 0)).toThrow(RangeError);
  expect(() => percentile(upTo(3), 101)).toThrow(RangeError);
});

test("samples of several rounds are sorted as numbers", () => {
  expect([...sorted([Float64Array.of(10, 9), new Float64Array(), Float64Array.of(100, 1)])]).toEqual([
    1, 9, 10, 100,
  ]);
});

test("a ratio against nothing is refused", () => {
  expect(ratioOf(3, 2)).toBe(1.5);
  expect(() => ratioOf(3, 0)).toThrow(RangeError);
});
