import type { ShardcastError } from "@shardcast/protocol";
import type { HandlerReply } from "../reply.ts";

/** How a request ended. Exactly one of these, for every accepted request (C3). `attempts` are those of its handler. */
export type Outcome =
  | { readonly kind: "replied"; readonly reply: HandlerReply; readonly attempts: number }
  /** The handler refused it for good. */
  | { readonly kind: "failed"; readonly error: ShardcastError; readonly attempts: number }
  /** No attempt succeeded, or no handler could ever see it: to the dead letters (C9). */
  | {
      readonly kind: "exhausted";
      readonly error: ShardcastError;
      readonly attempts: number;
      /** Its key is parked with it. */
      readonly parks?: true;
    }
  /** Its deadline passed, or would have, before an attempt could start (C8). */
  | { readonly kind: "expired"; readonly error: ShardcastError; readonly attempts: number }
  /** Somebody has cancelled it, and no attempt has succeeded. */
  | { readonly kind: "cancelled"; readonly error: ShardcastError; readonly attempts: number }
  /** Not ended: this member stops or lost the lane. It stays on the log for the next owner. */
  | { readonly kind: "abandoned" };
