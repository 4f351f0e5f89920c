import { type Facts, isStart } from "./facts.ts";
import type { CallerOutcome, HandlerStart, RequestOnLog, Violation } from "./history.ts";

/** C1: the requests of a key are handled one at a time and in the order of the log. */
export function checkOrder(facts: Facts): Violation[] {
  const { effects, stale, history } = facts;
  const starts = Map.groupBy(
    // A stale start is C2's, and says nothing about how the owner orders its work.
    effects.filter(isStart).filter((start) => !stale.has(start)),
    ({ key }) => key,
  );
  const requests = Map.groupBy(history.requests, ({ key }) => key);
  return [...starts]
    .flatMap(([key, ofKey]) => [
      ...checkOverlap(ofKey, facts),
      ...checkSequence(
        ofKey,
        (requests.get(key) ?? []).toSorted((a, b) => a.offset - b.offset),
        facts,
      ),
    ])
    .concat(checkCallers(facts));
}

function checkOverlap(starts: readonly HandlerStart[], { endOf, gaveUp, abandoned }: Facts): Violation[] {
  const violations: Violation[] = [];
  let open: HandlerStart[] = [];
  for (const start of starts) {
    open = open.filter((each) => (endOf.get(each)?.tMs ?? Number.POSITIVE_INFINITY) > start.tMs);
    const other = open.find((each) => {
      if (each.token === start.token) return true;
      // Who lost its lane can not be stopped in the middle of a handler (C2 bounds it); who gave it up had to finish.
      const end = endOf.get(each);
      return gaveUp(each) && end !== undefined && !abandoned(end);
    });
    if (other !== undefined) {
      const what = `key ${start.key}: ${place(start)} started while ${place(other)} was running`;
      violations.push({ clause: "C1", what, evidence: { other, start } });
    }
    open.push(start);
  }
  return violations;
}

function checkSequence(
  starts: readonly HandlerStart[],
  requests: readonly RequestOnLog[],
  facts: Facts,
): Violation[] {
  const violations: Violation[] = [];
  /** Highest offset of the key that was started under a token. */
  const highest = new Map<number, number>();
  for (const start of starts) {
    const reached = highest.get(start.token) ?? -1;
    highest.set(start.token, Math.max(reached, start.offset));
    if (start.offset < reached) {
      const what = `key ${start.key}: ${place(start)} started behind offset ${reached}, under one token`;
      violations.push({ clause: "C1", what, evidence: { start } });
      continue;
    }
    const skipped = requests.find(
      (request) => request.offset < start.offset && !settledFor(request, start, facts),
    );
    if (skipped === undefined) continue;
    const what = `key ${start.key}: ${place(start)} started before ${place(skipped)} had ended`;
    violations.push({ clause: "C1", what, evidence: { start, skipped } });
  }
  return violations;
}

/**
 * Whether who starts a later request of the key may take this one for done: it has ended here, or with an earlier owner
 * that put its outcome on the log. How it failed, if it did, happens outside of handlers and has no time of its own.
 */
function settledFor(
  { id }: RequestOnLog,
  start: HandlerStart,
  { doneOf, countedOf, history }: Facts,
): boolean {
  const replies = countedOf.get(id) ?? [];
  // What never ends is lost, and C3's.
  if (replies.length === 0 && !doneOf.has(id)) return true;
  if (history.dead.has(id) || replies.some(({ error }) => error !== undefined)) return true;
  return (doneOf.get(id) ?? []).some(
    (end) =>
      end.tMs <= start.tMs &&
      (end.token === start.token || replies.some(({ token }) => token === undefined || token === end.token)),
  );
}

/** What was answered before the next one was sent lies before it on the log. */
function checkCallers({ history, requestOf }: Facts): Violation[] {
  const answered = Map.groupBy(history.outcomes, ({ key }) => key);
  return [...answered.values()].flatMap((outcomes) => {
    const violations: Violation[] = [];
    let last: { readonly outcome: CallerOutcome; readonly offset: number } | undefined;
    for (const outcome of outcomes.toSorted((a, b) => a.n - b.n)) {
      const { conclusion } = outcome;
      const offset = conclusion.kind === "done" ? requestOf.get(conclusion.id)?.offset : undefined;
      if (offset === undefined) continue;
      if (last !== undefined && last.outcome.endedMs < outcome.sentMs && last.offset >= offset) {
        const what = `key ${outcome.key}: request ${outcome.n} lies before ${last.outcome.n}, which was answered before`;
        violations.push({ clause: "C1", what, evidence: { last, outcome, offset } });
      }
      last = { outcome, offset };
    }
    return violations;
  });
}

function place({ lane, offset }: { readonly lane: number; readonly offset: number }): string {
  return `${lane}/${offset}`;
}
