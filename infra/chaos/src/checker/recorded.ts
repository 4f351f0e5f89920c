import { type Facts, isStart } from "./facts.ts";
import type { Answer, EndOnLog, RecordedOutcome, Violation } from "./history.ts";

/**
 * What is promised to requests that are recorded. C3: each ends, exactly once, and its id says how. C4, C5: all who ask get the
 * same bytes, and nothing that is recorded runs again. C9: what was given up is in the dead letters.
 */
export function checkRecorded(facts: Facts): Violation[] {
  const { history } = facts;
  const ends = Map.groupBy(history.ends, ({ id }) => id);
  return [
    ...checkEnds(facts, ends),
    ...checkRunsAgain(facts, ends),
    ...history.recordedOutcomes.flatMap((outcome) => checkOutcome(outcome, ends.get(outcome.id ?? "") ?? [])),
  ];
}

/** An expired request never completed: it may run again when it is sent again. */
const isFinal = ({ end }: EndOnLog) => end !== "expired";

function checkEnds({ history }: Facts, ends: ReadonlyMap<string, readonly EndOnLog[]>): Violation[] {
  const ids = new Map(history.recorded.map((request) => [request.id, request]));
  return [...ids].flatMap(([id, request]) => {
    const name = `recorded request ${request.n} of key ${request.key} (${request.lane}/${request.offset})`;
    const all = ends.get(id) ?? [];
    const final = all.filter(isFinal);
    const fault = (clause: "C3" | "C5" | "C9", what: string): Violation[] => [
      { clause, what: `${name} ${what}`, evidence: { request, ends: all } },
    ];
    if (all.length === 0) return fault("C3", "has no recorded end");
    if (final.length > 1) return fault("C5", `has ended ${final.length} times`);
    const given = all.some(({ end }) => end === "dead-lettered");
    if (given !== history.dead.has(id)) {
      return fault(
        "C9",
        given ? "is not in the dead letters" : "is in the dead letters, and not recorded so",
      );
    }
    return [];
  });
}

/** Under a newer owner than the one that recorded the end; within one owner's time C10 tells. */
function checkRunsAgain({ effects }: Facts, ends: ReadonlyMap<string, readonly EndOnLog[]>): Violation[] {
  return effects.filter(isStart).flatMap((start) => {
    const end = (ends.get(start.id) ?? []).find((each) => isFinal(each) && each.token < start.token);
    if (end === undefined) return [];
    const what = `key ${start.key}: ${start.lane}/${start.offset} started again, its end was recorded`;
    return [{ clause: "C5" as const, what, evidence: { end, start } }];
  });
}

function checkOutcome(outcome: RecordedOutcome, ends: readonly EndOnLog[]): Violation[] {
  const { key, n, kind, answers, finals, id, cancelled } = outcome;
  const name = `${kind} request ${n} of key ${key}`;
  const fault = (clause: "C3" | "C4" | "C5", what: string): Violation[] => [
    { clause, what: `${name} ${what}`, evidence: { outcome, ends } },
  ];
  // Accepted, and nowhere.
  if (id !== undefined && ends.length === 0) return fault("C3", "was accepted and has no recorded end");
  const said = [...answers, ...finals];
  const [first] = said;
  if (said.some((answer) => !same(answer, first))) return fault("C5", "got different answers");
  if (first !== undefined && !ends.some((end) => same(end, first)))
    return fault("C4", "got another answer than is recorded");
  if (!cancelled && ends.some(({ end }) => end === "cancelled"))
    return fault("C4", "was cancelled by nobody");
  return [];
}

function same(one: Answer, other: Answer | undefined): boolean {
  return other !== undefined && one.status === other.status && unnamed(one.body) === unnamed(other.body);
}

/** Gateways add the request's id to a problem; a handler's answer is passed on as it is. */
function unnamed(body: string): string {
  return body.replace(/"requestId":"[^"]*",?/, "");
}
