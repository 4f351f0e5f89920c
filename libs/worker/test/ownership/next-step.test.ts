import type { LaneState } from "@shardcast/control";
import { describe, expect, test } from "vitest";
import { type LaneView, nextStep } from "../../src/ownership/next-step.ts";

const ME = { name: "2", incarnation: "now", uid: "pod-now" };
const LEASE_MS = 1_500;

function view(over: Partial<LaneView>): LaneView {
  return {
    wanted: true,
    held: undefined,
    owner: { kind: "free" },
    self: ME,
    fencedAtMs: 10_000,
    notBeforeMs: Number.NEGATIVE_INFINITY,
    stillRunning: false,
    nowMs: 10_000,
    ...over,
  };
}

function ownedBy(member: string, incarnation: string, uid = "pod-before"): LaneState {
  return { kind: "owned", member, incarnation, uid, leaseMs: LEASE_MS, token: 7 };
}

const RELEASED: LaneState = { kind: "released", member: "1", token: 7 };

describe("a lane that is not held", () => {
  test.each([
    ["free", { kind: "free" } as LaneState],
    ["released", RELEASED],
  ])("%s: is claimed at once when the map gives it to us, and left alone otherwise", (_, owner) => {
    expect(nextStep(view({ owner }))).toEqual({ kind: "claim" });
    expect(nextStep(view({ owner, wanted: false }))).toEqual({ kind: "nothing" });
  });

  test("C2: another member's is never touched, whatever the map says and however long it is silent", () => {
    for (const wanted of [true, false]) {
      const owner = ownedBy("1", "any", ME.uid);
      expect(nextStep(view({ owner, wanted, nowMs: 1e9 }))).toEqual({ kind: "nothing" });
    }
  });

  test.each([true, false])(
    "C2: a crashed predecessor's is waited for until its lease has run out (wanted: %s)",
    (wanted) => {
      const owner = ownedBy("2", "before");
      const kind = wanted ? "claim" : "drop";
      expect(nextStep(view({ owner, wanted }))).toEqual({ kind: "wait", ms: LEASE_MS });
      expect(nextStep(view({ owner, wanted, nowMs: 11_499 }))).toEqual({ kind: "wait", ms: 1 });
      expect(nextStep(view({ owner, wanted, nowMs: 11_500 }))).toEqual({ kind, lostToken: 7 });
    },
  );

  test("the predecessor's own lease counts, not ours", () => {
    const owner = { ...ownedBy("2", "before"), leaseMs: 60_000 } as LaneState;
    expect(nextStep(view({ owner, nowMs: 11_500 }))).toEqual({ kind: "wait", ms: 58_500 });
  });

  test("C2: nothing of a predecessor is touched before it was fenced", () => {
    const owner = ownedBy("2", "before");
    expect(nextStep(view({ owner, fencedAtMs: Number.POSITIVE_INFINITY }))).toEqual({
      kind: "wait",
      ms: Number.POSITIVE_INFINITY,
    });
  });

  test("a predecessor of the same pod is dead: its lane is taken at once, its replies are over (C4)", () => {
    const owner = ownedBy("2", "before", ME.uid);
    expect(nextStep(view({ owner }))).toEqual({ kind: "claim", lostToken: 7 });
    expect(nextStep(view({ owner, wanted: false }))).toEqual({ kind: "drop", lostToken: 7 });
  });

  test("a claim of this incarnation that nothing came of is made again, or given back; what still runs is awaited", () => {
    const owner = ownedBy("2", "now", ME.uid);
    expect(nextStep(view({ owner }))).toEqual({ kind: "claim" });
    expect(nextStep(view({ owner, wanted: false }))).toEqual({ kind: "drop" });
    expect(nextStep(view({ owner, stillRunning: true }))).toEqual({ kind: "nothing" });
  });

  test("C1: what this process still runs on it is awaited, whoever has the lane in between", () => {
    expect(nextStep(view({ owner: RELEASED, stillRunning: true }))).toEqual({ kind: "nothing" });
    expect(nextStep(view({ owner: ownedBy("2", "before", ME.uid), stillRunning: true }))).toEqual({
      kind: "nothing",
    });
  });

  test("a lane whose hook has failed is left alone for a while", () => {
    expect(nextStep(view({ owner: RELEASED, notBeforeMs: 10_500 }))).toEqual({ kind: "wait", ms: 500 });
    expect(nextStep(view({ owner: RELEASED, notBeforeMs: 10_500, nowMs: 10_500 }))).toEqual({
      kind: "claim",
    });
  });
});

describe("a lane that is held", () => {
  const owner = ownedBy("2", "now", ME.uid);

  test.each(["acquiring", "owned"] as const)("%s: is let go of only when the map takes it away", (held) => {
    expect(nextStep(view({ owner, held }))).toEqual({ kind: "nothing" });
    expect(nextStep(view({ owner, held, wanted: false }))).toEqual({ kind: "let-go" });
  });

  test.each(["draining", "releasing"] as const)("%s: goes its way, also when it is wanted again", (held) => {
    for (const wanted of [true, false]) {
      expect(nextStep(view({ owner, held, wanted }))).toEqual({ kind: "nothing" });
    }
  });
});
