import type { Window } from "../paced/samples.ts";
import type { LaneEvent } from "./member.ts";

/** A lane that went from one owner to another: from its release to when the next one's handlers could start. */
export interface Move extends Window {
  readonly lane: number;
}

/** The moves among what became of lanes. One that was released or taken only is not one. */
export function movesOf(events: readonly LaneEvent[]): Move[] {
  const moves: Move[] = [];
  const released = new Map<number, number>();
  for (const { event, lane, atMs } of events.toSorted((one, other) => one.atMs - other.atMs)) {
    const fromMs = released.get(lane);
    if (event !== "acquired") {
      released.set(lane, atMs);
    } else if (fromMs !== undefined) {
      released.delete(lane);
      moves.push({ lane, fromMs, toMs: atMs });
    }
  }
  return moves;
}
