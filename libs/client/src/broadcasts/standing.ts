import type { BroadcastStatus, MemberOutcome } from "@shardcast/protocol";
import type { BroadcastEnd } from "./api.ts";

const PASSING: ReadonlySet<MemberOutcome["state"]> = new Set<MemberOutcome["state"]>([
  "waiting",
  "running",
  "retrying",
]);

/** Nothing that comes of this member changes it any more (C6). */
export function isFinal({ state }: MemberOutcome): boolean {
  return !PASSING.has(state);
}

/** Everything final has been said. */
export function isOver({ verdict, members }: BroadcastStatus): boolean {
  return verdict !== "open" && members.every(isFinal);
}

/** How it ended for who waits; undefined while it is open. */
export function endOf(status: BroadcastStatus): BroadcastEnd | undefined {
  const { verdict, reason } = status;
  return verdict === "open" || reason === undefined ? undefined : { ...status, reason };
}
