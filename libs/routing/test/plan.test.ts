import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { initialMap, lanesOf, plan, type ShardMap } from "../src/index.ts";

interface Situation {
  readonly map: ShardMap;
  readonly replicas: number;
  readonly alive: readonly number[];
}

/** Any map at all, also one that nobody has planned; the living may be beyond `replicas`, named twice, or nobody. */
function situations(maxLanes: number, maxReplicas: number): fc.Arbitrary<Situation> {
  const ordinal = fc.nat(maxReplicas);
  return fc
    .record({
      lanes: fc.array(ordinal, { minLength: 1, maxLength: maxLanes }),
      before: fc.integer({ min: 1, max: maxReplicas }),
      replicas: fc.integer({ min: 1, max: maxReplicas }),
      square: fc.boolean(),
      alive: fc.array(ordinal, { maxLength: maxReplicas + 1 }),
    })
    .map(({ lanes, before, replicas, square, alive }) => ({
      map: { epoch: 5, replicas: before, lanes },
      replicas: square ? lanes.length : replicas,
      alive,
    }));
}

function targetsOf({ replicas, alive }: Situation): number[] {
  return [...new Set(alive)].filter((ordinal) => ordinal < replicas);
}

function moves(from: readonly number[], to: readonly number[]): number {
  return from.filter((ordinal, lane) => ordinal !== to[lane]).length;
}

function isBalanced(lanes: readonly number[], targets: readonly number[]): boolean {
  const counts = targets.map((target) => lanes.filter((ordinal) => ordinal === target).length);
  return Math.max(...counts) - Math.min(...counts) <= 1;
}

function hasOwnLanes(lanes: readonly number[], targets: readonly number[]): boolean {
  return targets.every((ordinal) => lanes[ordinal] === ordinal);
}

/** The fewest moves of any balanced assignment, by trying them all. */
function fewestMoves(situation: Situation): number {
  const { map, replicas } = situation;
  const targets = targetsOf(situation);
  const identity = map.lanes.length === replicas;
  let fewest = Number.POSITIVE_INFINITY;
  for (const lanes of assignments(map.lanes.length, targets)) {
    if (!isBalanced(lanes, targets) || (identity && !hasOwnLanes(lanes, targets))) continue;
    fewest = Math.min(fewest, moves(map.lanes, lanes));
  }
  return fewest;
}

function* assignments(lanes: number, targets: readonly number[]): Generator<number[]> {
  if (lanes === 0) {
    yield [];
    return;
  }
  for (const rest of assignments(lanes - 1, targets)) for (const target of targets) yield [...rest, target];
}

function planOf({ map, replicas, alive }: Situation): ShardMap {
  return plan(map, replicas, alive);
}

describe("a plan", () => {
  test("gives every lane to somebody alive below `replicas`, balanced to ±1, and to everybody his own for P = R", () => {
    fc.assert(
      fc.property(situations(40, 12), (situation) => {
        const targets = targetsOf(situation);
        fc.pre(targets.length > 0);
        const { lanes, replicas } = planOf(situation);
        expect(lanes).toHaveLength(situation.map.lanes.length);
        expect(lanes.filter((ordinal) => !targets.includes(ordinal))).toEqual([]);
        expect(isBalanced(lanes, targets)).toBe(true);
        expect(replicas).toBe(situation.replicas);
        if (lanes.length === replicas) expect(hasOwnLanes(lanes, targets)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test("moves as few lanes as any balanced assignment (C10)", () => {
    fc.assert(
      fc.property(situations(6, 4), (situation) => {
        fc.pre(targetsOf(situation).length > 0);
        expect(moves(situation.map.lanes, planOf(situation).lanes)).toBe(fewestMoves(situation));
      }),
      { numRuns: 300 },
    );
  });

  test("is the same whatever the order in which the living are named, list or set", () => {
    fc.assert(
      fc.property(situations(30, 10), (situation) => {
        const { map, replicas, alive } = situation;
        expect(plan(map, replicas, alive.toReversed())).toEqual(planOf(situation));
        expect(plan(map, replicas, new Set(alive))).toEqual(planOf(situation));
      }),
    );
  });

  test("of a plan changes nothing: the very same map comes back", () => {
    fc.assert(
      fc.property(situations(30, 10), (situation) => {
        const once = planOf(situation);
        expect(plan(once, situation.replicas, situation.alive)).toBe(once);
      }),
    );
  });

  test("has the next epoch exactly when lanes or replicas change, and leaves its argument alone", () => {
    fc.assert(
      fc.property(situations(12, 6), (situation) => {
        const { map } = situation;
        const before = structuredClone(map);
        const next = planOf(situation);
        const changed = next.replicas !== map.replicas || moves(map.lanes, next.lanes) > 0;
        expect(map).toEqual(before);
        if (changed) expect(next.epoch).toBe(map.epoch + 1);
        else expect(next).toBe(map);
      }),
    );
  });

  test("with nobody alive stays as it is, also when all that live are beyond `replicas`", () => {
    const map = initialMap(6, 3, 4);
    expect(plan(map, 3, [])).toBe(map);
    expect(plan(map, 2, [2, 5])).toBe(map);
    expect(plan(map, 0, [0, 1])).toBe(map);
  });

  test.each([-1, 1.5, Number.NaN])("of %s replicas is refused", (replicas) => {
    expect(() => plan(initialMap(2, 2), replicas, [0])).toThrow(RangeError);
  });

  test("24 lanes from 3 to 4 replicas: exactly 6 move, all of them to the new one", () => {
    const map = initialMap(24, 3, 1);
    const next = plan(map, 4, [0, 1, 2, 3]);
    expect(moves(map.lanes, next.lanes)).toBe(6);
    expect(lanesOf(next, 3)).toHaveLength(6);
  });

  test("a replica that is not there yet gets nothing until it lives", () => {
    const map = initialMap(24, 3, 1);
    const waiting = plan(map, 4, [0, 1, 2]);
    expect(waiting).toEqual({ ...map, epoch: 2, replicas: 4 });
    expect(lanesOf(plan(waiting, 4, [0, 1, 2, 3]), 3)).toHaveLength(6);
  });

  test("scaling down moves the lanes of who goes, and no other", () => {
    const map = plan(initialMap(24, 3, 1), 4, [0, 1, 2, 3]);
    const next = plan(map, 3, [0, 1, 2, 3]);
    expect(moves(map.lanes, next.lanes)).toBe(6);
    expect(lanesOf(next, 3)).toEqual([]);
    expect([0, 1, 2].map((ordinal) => lanesOf(next, ordinal).length)).toEqual([8, 8, 8]);
  });

  test("for P = R a death moves one lane, and the return gives it back: the identity again", () => {
    const map = initialMap(5, 5, 1);
    const without = plan(map, 5, [0, 1, 3, 4]);
    expect(moves(map.lanes, without.lanes)).toBe(1);
    const back = plan(without, 5, [0, 1, 2, 3, 4]);
    expect(back.lanes).toEqual(map.lanes);
    expect(back.epoch).toBe(3);
  });
});
