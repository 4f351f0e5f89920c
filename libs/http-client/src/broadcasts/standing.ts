import type { BroadcastEnd, BroadcastStatus, MemberOutcome } from "./api.ts";

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

/** With what was said of one member. A final word stays: a stream that is taken up again may repeat what came before it. */
export function withOutcome(status: BroadcastStatus, outcome: MemberOutcome): BroadcastStatus {
  const members = status.members.map((known) =>
    known.member === outcome.member && !isFinal(known) ? outcome : known,
  );
  return { ...status, members, partial: members.some(({ state }) => state !== "acked" && state !== "gone") };
}
