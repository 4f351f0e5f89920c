import type { AckMode, BroadcastVerdict, VerdictReason } from "@shardcast/protocol";

/** How many members stand how. */
export interface Tally {
  readonly expected: number;
  readonly acked: number;
  readonly gone: number;
  /** Of whom something final was said, the acked and the gone among them. */
  readonly final: number;
  /** What a gateway said of those who had not answered; undefined while all said it themselves. */
  readonly closed: "expired" | "cancelled" | undefined;
}

export interface Judgement {
  readonly verdict: BroadcastVerdict;
  readonly reason?: VerdictReason;
}

const OPEN: Judgement = { verdict: "open" };

/**
 * The verdict on a broadcast. Members that are gone count neither for nor against. `acked` only grows and who is left only
 * shrinks, so what is satisfied stays so. With nobody left to act, and nobody who has, it has failed: that all of none have
 * acted would be no success.
 */
export function judge(ack: AckMode, { expected, acked, gone, final, closed }: Tally): Judgement {
  const left = expected - gone;
  switch (ack.kind) {
    case "none":
      return { verdict: "satisfied", reason: "not-awaited" };
    case "all":
      if (acked > 0 && acked === left) return { verdict: "satisfied", reason: "all-answered" };
      break;
    case "quorum":
      if (acked > left / 2) return { verdict: "satisfied", reason: "quorum" };
      break;
    case "count":
      if (acked >= ack.count) return { verdict: "satisfied", reason: "count-reached" };
      break;
  }
  if (final < expected) return OPEN;
  return { verdict: acked > 0 ? "partly" : "failed", reason: closed ?? "all-answered" };
}
