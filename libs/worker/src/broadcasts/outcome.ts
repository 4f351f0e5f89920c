import type { ErrorCode } from "@shardcast/protocol";
import type { HandlerReply } from "../reply.ts";

/** What came of a broadcast here. */
export type BroadcastOutcome =
  | { readonly kind: "acked"; readonly reply: HandlerReply; readonly attempts: number }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly reason: string; readonly attempts: number }
  /** It has ended for everybody: its time is over, or somebody has cancelled it. The gateways say so. */
  | { readonly kind: "closed" }
  /** Not ended: this process stops. It stays on the log for the next one. */
  | { readonly kind: "abandoned" };

/** Who wants to know of the attempts of one broadcast. */
export interface BroadcastNews {
  /** An attempt starts, counted from 1. Returns what is to be called when it has ended. */
  started(attempt: number): () => void;
  /** It has failed, and another will follow. */
  failed(attempt: number, reason: string): void;
}
