import type { ErrorCode } from "./error-table.ts";

/** What a member replied to a broadcast. */
export interface MemberReply {
  /** HTTP status, as the handler set it. */
  readonly status: number;
  readonly contentType?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** How a member stands to a broadcast; the last five are final. Times are epoch milliseconds. */
export type MemberProgress =
  | { readonly state: "waiting" }
  | { readonly state: "running"; readonly attempt: number; readonly atMs: number }
  | { readonly state: "retrying"; readonly attempt: number; readonly reason: string; readonly atMs: number }
  | { readonly state: "acked"; readonly attempt: number; readonly atMs: number; readonly reply: MemberReply }
  | {
      readonly state: "failed";
      readonly attempts: number;
      readonly code: ErrorCode;
      readonly reason: string;
      readonly atMs: number;
    }
  /** Its time to live ran out, or it was cancelled, before the member said that it had acted. */
  | { readonly state: "expired" | "cancelled"; readonly atMs: number }
  /** Removed by scaling, or an ephemeral member that died: it counts neither for nor against. */
  | { readonly state: "gone"; readonly atMs: number };

/** One expected member of a broadcast. */
export type MemberOutcome = MemberProgress & {
  readonly member: string;
  /** `durable`: an ordinal of the StatefulSet, also awaited while it is down. `ephemeral`: expected while it lives. */
  readonly kind: "durable" | "ephemeral";
};

/**
 * `satisfied`: as many have acknowledged as were asked for; that stays so. `partly`, `failed`: everything final has been
 * said, and some, or none, have. `open`: neither yet.
 */
export type BroadcastVerdict = "satisfied" | "partly" | "failed" | "open";

/** Why there is a verdict; `deadline`: there is none, and whoever waited does not wait any longer. */
export type VerdictReason =
  | "all-answered"
  | "count-reached"
  | "quorum"
  | "not-awaited"
  | "expired"
  | "cancelled"
  | "deadline";

/** All that is known of a broadcast. */
export interface BroadcastStatus {
  readonly id: string;
  readonly service: string;
  /** Empty for the default handler. */
  readonly handler: string;
  /** `all`, `quorum`, `none`, or the number of members that was asked for. */
  readonly ack: "all" | "quorum" | "none" | number;
  /** Epoch milliseconds. */
  readonly acceptedMs: number;
  readonly expiresMs: number;
  /** Of the shard map when it was accepted. */
  readonly epoch: number;
  readonly verdict: BroadcastVerdict;
  /** Absent while it is open. */
  readonly reason?: VerdictReason;
  /** Not every expected member that still exists has acknowledged. */
  readonly partial: boolean;
  /** In the order of their names. */
  readonly members: readonly MemberOutcome[];
  readonly redriveOf?: string;
}
