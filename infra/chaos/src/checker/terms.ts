import { ControlState } from "@shardcast/control";
import type { ControlOnLog } from "./history.ts";

/** The time in which one incarnation owned a lane. */
export interface Term {
  readonly lane: number;
  readonly token: number;
  readonly member: string;
  /**
   * `clean`: the owner itself released the lane, which it does only when its handlers have ended and their progress is
   * committed. `lost`: it was fenced, or a later incarnation of its member has taken over.
   */
  readonly ended: "no" | "clean" | "lost";
}

/** The owners of each lane, in order, as the control topic decides it. */
export function termsOf(control: readonly ControlOnLog[]): ReadonlyMap<number, readonly Term[]> {
  const state = new ControlState();
  const terms = new Map<number, Term[]>();
  for (const { record, offset } of [...control].sort((a, b) => a.offset - b.offset)) {
    if (record.kind !== "lane") {
      state.apply(record, offset);
      continue;
    }
    const { lane } = record;
    const before = state.lane(lane);
    if (state.apply(record, offset)?.kind !== "lane") continue;
    const after = state.lane(lane);
    const ofLane = terms.get(lane) ?? [];
    terms.set(lane, ofLane);
    if (before.kind === "owned" && (after.kind !== "owned" || after.token !== before.token)) {
      const holder = state.member(before.member);
      // Whoever fences a member says so first, and a later incarnation has said that it is there.
      const byItself = holder?.incarnation === before.incarnation && holder.state !== "fenced";
      const ended = after.kind === "released" && byItself ? "clean" : "lost";
      ofLane.push({ ...(ofLane.pop() as Term), ended });
    }
    if (after.kind === "owned" && (before.kind !== "owned" || after.token !== before.token)) {
      ofLane.push({ lane, token: after.token, member: after.member, ended: "no" });
    }
  }
  return terms;
}
