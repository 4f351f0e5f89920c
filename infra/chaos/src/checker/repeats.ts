import { type Facts, isStart } from "./facts.ts";
import type { HandlerStart, Violation } from "./history.ts";

/** Starts of what had ended before: lawful after a crash, for the outcome may not have been recorded. */
export function repeatedStarts({ effects, doneOf, stale }: Facts): HandlerStart[] {
  return effects
    .filter(isStart)
    .filter((start) => !stale.has(start) && (doneOf.get(start.id) ?? []).some((end) => end.tMs < start.tMs));
}

/** C10: what one owner has completed it does not do again, nor does who took the lane over from it in order. */
export function checkRepeats(facts: Facts): Violation[] {
  const { doneOf, gaveUp, abandoned } = facts;
  return repeatedStarts(facts).flatMap((start) => {
    const ends = (doneOf.get(start.id) ?? []).filter((end) => end.tMs < start.tMs && !abandoned(end));
    const same = ends.find(({ token }) => token === start.token);
    const moved = ends.find(gaveUp);
    const end = same ?? moved;
    if (end === undefined) return [];
    const how = same === undefined ? "after a move in order" : "with the same owner";
    const what = `key ${start.key}: ${start.lane}/${start.offset} was complete and started again ${how}`;
    return [{ clause: "C10" as const, what, evidence: { end, start } }];
  });
}
