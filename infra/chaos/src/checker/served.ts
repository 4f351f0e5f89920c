import type { CallerOutcome, FaultDone, History, Violation } from "./history.ts";

/** Faults that silence members without a word, until their lanes are given to others. */
const LOSING: ReadonlySet<string> = new Set(["lose-node", "freeze-node"]);
/** On top of `reassignAfterMs`: the lease of who is lost, and the way to the next owner. */
const TAKE_OVER_MS = 3_000;
/** What a request may take by itself: its own attempts, and those of the ones before it of its key. */
const WORK_MS = 3_000;

/**
 * For clusters whose gateways and broker are left alone: every request is answered, and those of a node that is lost wait for so long
 * and no longer.
 */
export function checkServed(
  { outcomes, faults }: Pick<History, "outcomes" | "faults">,
  reassignAfterMs: number,
): Violation[] {
  const limitMs = reassignAfterMs + TAKE_OVER_MS + WORK_MS;
  return outcomes.flatMap((outcome): Violation[] => {
    const { key, n, conclusion, sentMs, endedMs } = outcome;
    const name = `request ${n} of key ${key}`;
    if ("why" in conclusion) {
      return [{ clause: "served", what: `${name} was not answered: ${conclusion.why}`, evidence: outcome }];
    }
    const lostMs = lostAt(faults, outcome);
    if (lostMs === undefined || endedMs - Math.max(sentMs, lostMs) <= limitMs) return [];
    const waitedMs = Math.round(endedMs - Math.max(sentMs, lostMs));
    return [{ clause: "served", what: `${name} waited ${waitedMs} ms for a lost node`, evidence: outcome }];
  });
}

/** When the last node was lost that the request can have waited for. */
function lostAt(faults: readonly FaultDone[], { sentMs, endedMs }: CallerOutcome): number | undefined {
  const during = lostDuring(faults, sentMs, endedMs);
  return during.length === 0 ? undefined : Math.max(...during.map(({ tMs }) => tMs));
}

function lostDuring(faults: readonly FaultDone[], sentMs: number, endedMs: number): readonly FaultDone[] {
  return faults.filter(({ kind, tMs, untilMs }) => LOSING.has(kind) && sentMs < untilMs && endedMs > tMs);
}

/** How long requests waited, milliseconds: all, and those under way while a node was lost, from when it was. */
export function waits({ outcomes, faults }: Pick<History, "outcomes" | "faults">): {
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly worstMs: number | null;
  readonly worstLostNodeMs: number | null;
} {
  const sorted = outcomes.map(({ sentMs, endedMs }) => endedMs - sentMs).sort((a, b) => a - b);
  const lost = outcomes.flatMap((outcome) => {
    const lostMs = lostAt(faults, outcome);
    return lostMs === undefined ? [] : [outcome.endedMs - Math.max(outcome.sentMs, lostMs)];
  });
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  const whole = (ms: number | undefined) => (ms === undefined ? null : Math.round(ms));
  return {
    p50Ms: whole(at(0.5)),
    p99Ms: whole(at(0.99)),
    worstMs: whole(sorted.at(-1)),
    worstLostNodeMs: lost.length === 0 ? null : Math.round(Math.max(...lost)),
  };
}
