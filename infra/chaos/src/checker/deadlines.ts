import { type Facts, isStart } from "./facts.ts";
import type { Violation } from "./history.ts";

/** Between the worker's look at the clock and the handler's lies no more than a turn of the event loop. */
const TOLERANCE_MS = 50;

/** C8: no handler starts after its request's deadline, on the clock of its process. */
export function checkDeadlines({ effects }: Facts): Violation[] {
  return effects.filter(isStart).flatMap((start) => {
    if (start.lateMs === null || start.lateMs <= TOLERANCE_MS) return [];
    const what = `key ${start.key}: ${start.lane}/${start.offset} started ${start.lateMs} ms after its deadline`;
    return [{ clause: "C8" as const, what, evidence: start }];
  });
}
