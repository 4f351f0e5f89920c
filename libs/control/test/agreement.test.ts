import type { ControlRecord } from "@shardcast/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ControlState } from "../src/index.ts";
import { owned, released } from "./support/records.ts";

interface Entry {
  readonly offset: number;
  readonly record: ControlRecord;
}

interface Act {
  readonly what: "claim" | "release" | "settle";
  readonly member: string;
  readonly lane: number;
}

const LANES = [0, 1];
const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.record({
    what: fc.constantFrom("claim", "claim", "release", "settle"),
    member: fc.constantFrom("0", "1", "2"),
    lane: fc.constantFrom(...LANES),
  }),
  { minLength: 1, maxLength: 40 },
);

function fold(entries: readonly Entry[]): ControlState {
  const state = new ControlState();
  for (const { record, offset } of entries) state.apply(record, offset);
  return state;
}

function ownerOf(state: ControlState, lane: number): string | undefined {
  const owner = state.lane(lane);
  return owner.kind === "owned" ? owner.member : undefined;
}

test("C2: however members claim and release, also what is not theirs, a lane never goes to a second one before the first released it", () => {
  fc.assert(
    fc.property(acts, (script) => {
      const state = new ControlState();
      const entries: Entry[] = [];
      const holders = new Map<number, string>();
      const tokens = new Map<number, number>();
      script.forEach(({ what, member, lane }, offset) => {
        const record = what === "claim" ? owned(lane, member) : released(lane, member);
        // told apart from the fold in the simplest words there are
        if (what === "claim" && !holders.has(lane)) holders.set(lane, member);
        if (what !== "claim" && holders.get(lane) === member) holders.delete(lane);
        state.apply(record, offset);
        entries.push({ record, offset });
        for (const each of LANES) {
          expect(ownerOf(state, each)).toBe(holders.get(each));
          const owner = state.lane(each);
          if (owner.kind === "free") continue;
          expect(owner.token).toBeGreaterThanOrEqual(tokens.get(each) ?? -1);
          tokens.set(each, owner.token);
        }
        // who reads only now agrees with who has read all along
        expect(fold(entries).lanes()).toEqual(state.lanes());
      });
    }),
    { numRuns: 300 },
  );
});

/** A log as members write it that keep to the rules: an owner that sees a claim refused says again that it is the owner. */
function lawfulLog(script: readonly Act[]): Entry[] {
  const state = new ControlState();
  const entries: Entry[] = [];
  const refused = new Set<number>();
  const write = (record: ControlRecord) => {
    const offset = entries.length;
    entries.push({ record, offset });
    if (state.apply(record, offset)?.kind === "claim-refused") refused.add((record as { lane: number }).lane);
  };
  const sayAgain = () => {
    for (const lane of refused) {
      const owner = state.lane(lane);
      if (owner.kind === "owned") write(owned(lane, owner.member, { token: owner.token }));
    }
    refused.clear();
  };
  for (const { what, member, lane } of script) {
    const owner = state.lane(lane);
    if (what === "claim" && ownerOf(state, lane) !== member) write(owned(lane, member));
    if (what === "release" && owner.kind === "owned") write(released(lane, owner.member, owner.token));
    if (what === "settle") sayAgain();
  }
  sayAgain();
  return entries;
}

/** Compaction has come as far as `upTo`: of a key it kept the last record there. */
function compact(entries: readonly Entry[], upTo: number): Entry[] {
  const laneOf = ({ record }: Entry) => (record as { lane: number }).lane;
  const isLast = (entry: Entry, i: number) =>
    !entries.slice(i + 1, upTo).some((later) => laneOf(later) === laneOf(entry));
  return entries.filter((entry, i) => i >= upTo || isLast(entry, i));
}

test("C2: whatever compaction has taken away, who reads the rest agrees in the end with who has read everything", () => {
  fc.assert(
    fc.property(acts, fc.nat(60), (script, cut) => {
      const entries = lawfulLog(script);
      const upTo = cut % (entries.length + 1);
      expect(fold(compact(entries, upTo)).lanes()).toEqual(fold(entries).lanes());
    }),
    { numRuns: 3_000 },
  );
});

test("C2: a claim that had no effect does not keep the lane from a late reader once its owner has said so again", () => {
  const entries = lawfulLog([
    { what: "claim", member: "0", lane: 0 },
    { what: "claim", member: "1", lane: 0 },
  ]);
  const late = compact(entries, 2);
  expect(late).toHaveLength(2); // the owner's first claim is gone
  expect(ownerOf(fold(late), 0)).toBe("0");
});
