import type { BroadcastHandler } from "@shardcast/worker";
import { broadcastPost } from "./broadcast-post.ts";
import type { Courier } from "./courier.ts";
import { type OutcomeOptions, outcomeOf } from "./outcome.ts";

export interface RelayOptions extends OutcomeOptions {
  readonly format: "http" | "cloudevents";
}

/** What is said of a broadcast by a member can not be longer. */
const MAX_REPLY_BYTES = 64_000;

/**
 * Brings broadcasts to an application that speaks nothing but HTTP: 2xx is its acknowledgement, with the answer as its reply
 * (C6). The same broadcast may come again after a crash; its id is the idempotency key.
 */
export function broadcastRelay(courier: Pick<Courier, "bring">, options: RelayOptions): BroadcastHandler {
  const maxReplyBytes = Math.min(options.maxReplyBytes, MAX_REPLY_BYTES);
  return async (broadcast, context) => {
    const answer = await courier.bring(() => broadcastPost(broadcast, context, options.format), context);
    return outcomeOf(answer, { ...options, maxReplyBytes });
  };
}
