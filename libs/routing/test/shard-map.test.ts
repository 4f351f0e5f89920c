import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { initialMap, lanesOf, ownerOf, type ShardMap } from "../src/index.ts";

const maps: fc.Arbitrary<ShardMap> = fc
  .integer({ min: 1, max: 8 })
  .chain((replicas) =>
    fc
      .array(fc.nat(replicas - 1), { minLength: 1, maxLength: 64 })
      .map((lanes) => ({ epoch: 3, replicas, lanes })),
  );

describe("shard map", () => {
  test("begins with lane i at ordinal i mod R, for as many lanes as replicas lane i at ordinal i", () => {
    expect(initialMap(4, 4)).toEqual({ epoch: 0, replicas: 4, lanes: [0, 1, 2, 3] });
    expect(initialMap(5, 2, 7)).toEqual({ epoch: 7, replicas: 2, lanes: [0, 1, 0, 1, 0] });
    expect(initialMap(1, 3).lanes).toEqual([0]);
  });

  test.each([0, -1, 1.5, Number.NaN])("refuses %s replicas or lanes", (count) => {
    expect(() => initialMap(4, count)).toThrow(RangeError);
    expect(() => initialMap(count, 4)).toThrow(RangeError);
  });

  test("every lane has one owner, and every owner knows its lanes, ascending (C2)", () => {
    fc.assert(
      fc.property(maps, (map) => {
        const seen = new Map<number, number>();
        for (let ordinal = 0; ordinal < map.replicas; ordinal++) {
          const lanes = lanesOf(map, ordinal);
          expect(lanes).toEqual(lanes.toSorted((a, b) => a - b));
          for (const lane of lanes) {
            expect(seen.has(lane)).toBe(false);
            seen.set(lane, ordinal);
          }
        }
        expect([...map.lanes.keys()].map((lane) => ownerOf(map, lane))).toEqual(map.lanes);
        for (const [lane, ordinal] of seen) expect(ownerOf(map, lane)).toBe(ordinal);
        expect(seen.size).toBe(map.lanes.length);
      }),
    );
  });

  test("a lane that is not in the map has no owner", () => {
    for (const lane of [-1, 3, 0.5]) expect(() => ownerOf(initialMap(3, 3), lane)).toThrow(RangeError);
    expect(lanesOf(initialMap(3, 3), 3)).toEqual([]);
  });
});
