import type { Facts } from "./facts.ts";
import type { ProgressSample, RequestOnLog, Violation } from "./history.ts";

/** C3: what was accepted is on the log, and ends; what counts as done has ended. */
export function checkLost(facts: Facts): Violation[] {
  const { history, requestOf, doneOf, countedOf } = facts;
  const committed = committedAt(facts);
  const last = new Map(history.finalProgress.map((sample) => [sample.lane, sample]));
  const violations: Violation[] = [];
  const add = (what: string, evidence: unknown) => violations.push({ clause: "C3", what, evidence });
  for (const request of history.requests) {
    const { id, key, n, lane, offset } = request;
    const name = `request ${n} of key ${key} (${lane}/${offset})`;
    const replies = countedOf.get(id) ?? [];
    const failed = history.dead.has(id) || replies.some(({ error }) => error !== undefined);
    const doneMs = doneOf.get(id)?.[0]?.tMs;
    const atMs = committed.get(request);
    const recorded = last.get(lane);
    if (!failed && replies.length === 0) {
      const how = atMs === undefined ? "has not ended" : "was passed over: committed, and no outcome";
      add(`${name} ${how}`, { request, ends: doneOf.get(id) ?? [] });
    } else if (!failed && doneMs === undefined) {
      add(`${name} has a reply, and no handler ended`, { request, replies });
    } else if (!failed && atMs !== undefined && atMs < (doneMs as number)) {
      add(`${name} was committed before it had ended`, { request, committedMs: atMs, doneMs });
    } else if (recorded !== undefined && !isDone(offset, recorded)) {
      add(`${name} has ended, and is not recorded as done`, { request, recorded });
    }
  }
  for (const outcome of history.outcomes) {
    const { conclusion, key, n } = outcome;
    const accepted = conclusion.kind === "done" || conclusion.kind === "failed";
    if (accepted && !requestOf.has(conclusion.id)) {
      add(`request ${n} of key ${key} was acknowledged and is not on the log`, outcome);
    }
  }
  return violations;
}

/** When each request was first seen to be committed. */
function committedAt({ history }: Facts): Map<RequestOnLog, number> {
  const ofLane = Map.groupBy(history.requests, ({ lane }) => lane);
  const seen = new Map<RequestOnLog, number>();
  const samples = [...history.progress, ...history.finalProgress].sort((a, b) => a.tMs - b.tMs);
  for (const sample of samples) {
    for (const request of ofLane.get(sample.lane) ?? []) {
      if (!seen.has(request) && isDone(request.offset, sample)) seen.set(request, sample.tMs);
    }
  }
  return seen;
}

function isDone(offset: number, { low, doneAbove }: ProgressSample): boolean {
  return offset < low || doneAbove.includes(offset);
}
