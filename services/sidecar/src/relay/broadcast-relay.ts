import { type BroadcastHandler, RetryableError } from "@shardcast/worker";
import type { AppAnswer, Application } from "../app/application.ts";
import { appRequestOf } from "./app-request.ts";
import { type OutcomeOptions, outcomeOf } from "./outcome.ts";

/**
 * Brings broadcasts to an application that speaks nothing but HTTP: 2xx is its acknowledgement, with the answer as its reply
 * (C6). The same broadcast may come again after a crash; its id is the idempotency key.
 */
export function broadcastRelay(
  application: Pick<Application, "post">,
  options: OutcomeOptions,
): BroadcastHandler {
  return async (broadcast, context) => {
    const request = appRequestOf(broadcast, context);
    let answer: AppAnswer;
    try {
      answer = await application.post(request, context.signal);
    } catch (cause) {
      throw new RetryableError(`the application could not be asked: ${messageOf(cause)}`, { cause });
    }
    return outcomeOf(answer, options);
  };
}

/** A failure to connect to each of several addresses has its reasons inside. */
function messageOf(thrown: unknown): string {
  if (thrown instanceof AggregateError) return thrown.errors.map(messageOf).join("; ");
  return thrown instanceof Error ? thrown.message : String(thrown);
}
