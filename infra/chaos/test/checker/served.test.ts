import { expect, test } from "vitest";
import type { CallerOutcome, Conclusion, FaultDone } from "../../src/checker/history.ts";
import { checkServed, waits } from "../../src/checker/served.ts";

const REASSIGN_AFTER_MS = 3_000;
const done: Conclusion = { kind: "done", id: "a", answered: { id: "a", key: "k", n: 1, token: 1 } };
const outcome = (sentMs: number, endedMs: number, conclusion: Conclusion = done): CallerOutcome => ({
  ...{ key: "k", n: 1, sentMs, endedMs, conclusion },
});
const lost = (tMs: number, untilMs: number, kind = "lose-node"): FaultDone => ({
  ...{ kind, member: "1", tMs, untilMs },
});
const check = (outcomes: readonly CallerOutcome[], faults: readonly FaultDone[] = []) =>
  checkServed({ outcomes, faults }, REASSIGN_AFTER_MS).map(({ what }) => what);

test("a request that was answered is no violation, nor one that its handler failed for good", () => {
  const failed = { kind: "failed", id: "a", code: "SHARDCAST_ATTEMPTS_EXHAUSTED" } as const;
  expect(check([outcome(0, 100), outcome(0, 100, failed)])).toEqual([]);
});

test("a request without an answer is a violation, and one that was refused", () => {
  const unknown = { kind: "unknown", why: "SHARDCAST_TIMEOUT" } as const;
  const refused = { kind: "refused", why: "ECONNREFUSED" } as const;
  expect(check([outcome(0, 1, unknown), outcome(0, 1, refused)])).toEqual([
    "request 1 of key k was not answered: SHARDCAST_TIMEOUT",
    "request 1 of key k was not answered: ECONNREFUSED",
  ]);
});

test("a request that was under way while a node was lost has a bound, from when it was lost", () => {
  const faults = [lost(4_000, 20_000)];
  expect(check([outcome(0, 12_000), outcome(5_000, 13_999)], faults)).toEqual([]);
  expect(check([outcome(0, 13_500), outcome(5_000, 14_500)], faults)).toEqual([
    "request 1 of key k waited 9500 ms for a lost node",
    "request 1 of key k waited 9500 ms for a lost node",
  ]);
  expect(check([outcome(0, 30_000)], [lost(4_000, 20_000, "freeze-node")])).toHaveLength(1);
});

test("others have none but their own time-out", () => {
  expect(check([outcome(0, 12_000)], [lost(4_000, 20_000, "rollout")])).toEqual([]);
  expect(check([outcome(21_000, 33_000)], [lost(4_000, 20_000)])).toEqual([]);
});

test("waits are told for all, and from the loss on for those under way while a node was lost", () => {
  const outcomes = [outcome(0, 10), outcome(100, 120), outcome(200, 5_200), outcome(9_000, 15_000)];
  expect(waits({ outcomes, faults: [lost(300, 800)] })).toEqual({
    ...{ p50Ms: 5_000, p99Ms: 6_000, worstMs: 6_000, worstLostNodeMs: 4_900 },
  });
  expect(waits({ outcomes: [], faults: [] })).toEqual({
    ...{ p50Ms: null, p99Ms: null, worstMs: null, worstLostNodeMs: null },
  });
});
