import { MAX_METADATA_BYTES } from "@shardcast/log";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeDoneAbove, encodeDoneAbove, farther, WINDOW } from "../../src/execution/done-above.ts";

const low = fc.nat({ max: 2 ** 40 });
const distances = fc.uniqueArray(fc.integer({ min: 1, max: WINDOW }), { maxLength: 200 });

test("what is encoded is decoded, ascending, within the bytes that a commit takes", () => {
  fc.assert(
    fc.property(low, distances, (low, distances) => {
      const metadata = encodeDoneAbove(
        low,
        distances.map((d) => low + d),
      );
      expect(metadata.length).toBeLessThanOrEqual(MAX_METADATA_BYTES);
      expect(metadata).toMatch(/^[\x20-\x7e]*$/);
      expect(decodeDoneAbove(low, metadata)).toEqual(distances.sort((a, b) => a - b).map((d) => low + d));
    }),
  );
});

test("the window is as wide as the metadata allows and no wider", () => {
  expect(encodeDoneAbove(7, [7 + WINDOW])).toHaveLength(MAX_METADATA_BYTES);
  const all = Array.from({ length: WINDOW }, (_, i) => 8 + i);
  expect(decodeDoneAbove(7, encodeDoneAbove(7, all))).toEqual(all);
  for (const outside of [6, 7, 8 + WINDOW]) expect(() => encodeDoneAbove(7, [outside])).toThrow(RangeError);
});

test("nothing done above is no metadata", () => {
  expect(encodeDoneAbove(3, [])).toBe("");
  expect(decodeDoneAbove(3, "")).toEqual([]);
});

test("what was not written here names nothing: work is repeated, not lost", () => {
  const written = encodeDoneAbove(0, [1, 9]);
  const tooLong = `b${"A".repeat(MAX_METADATA_BYTES)}B`;
  for (const garbage of ["b", "hello", "b!!!!", `${written}=`, `${written}A`, `x${written}`, "bob", tooLong])
    expect(decodeDoneAbove(0, garbage), garbage).toEqual([]);
  fc.assert(
    fc.property(low, fc.string({ unit: "binary" }), (low, garbage) => {
      const done = decodeDoneAbove(low, `b${garbage}`);
      if (done.length > 0) expect(encodeDoneAbove(low, done)).toBe(`b${garbage}`);
    }),
  );
});

test("two statements about a lane: the one that is farther, and what both name where they stand at the same offset", () => {
  const at = (offset: number, ...done: number[]) => ({
    lane: 3,
    offset,
    metadata: encodeDoneAbove(offset, done),
  });
  expect(farther(at(5, 9), at(7))).toEqual(at(7));
  expect(farther(at(7), at(5, 9))).toEqual(at(7));
  expect(farther(at(7, 9, 12), at(7, 10, 9))).toEqual(at(7, 9, 10, 12));
});
