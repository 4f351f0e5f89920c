import { setTimeout as sleep } from "node:timers/promises";
import type { LimitFunction } from "p-limit";
import type { RetryContext } from "p-retry";
import type { BroadcastHandler } from "../broadcast-handler.ts";
import { isRetryableError, isTerminalError } from "../errors.ts";
import { AttemptFailed, messageOf } from "../execution/attempt-failed.ts";
import type { RetryPolicy } from "../execution/execute.ts";
import { IncomingMessage } from "../execution/incoming-message.ts";
import { retryAfter } from "../execution/retry.ts";
import { type HandlerReply, toReply } from "../reply.ts";
import { BroadcastAttempt } from "./message.ts";
import type { BroadcastNews, BroadcastOutcome } from "./outcome.ts";
import type { ReceivedBroadcast } from "./received.ts";
import type { BroadcastScope } from "./scope.ts";

export interface Attempts {
  readonly scope: BroadcastScope;
  readonly policy: RetryPolicy;
  /** Held while an attempt runs; undefined where order sees to it that there is one only. */
  readonly slots: LimitFunction | undefined;
  readonly expected: boolean;
  /** Who wants to know of each attempt. */
  readonly news: BroadcastNews;
}

/** Longest wait a timer can hold. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** It is over, or would be before the next attempt. */
class TimeOver extends Error {}

/**
 * Calls the handler until it succeeds, refuses, runs out of attempts or out of time, or the broadcast is cancelled. No attempt
 * starts after the time to live (C8). Never rejects.
 */
export async function attemptBroadcast(
  handler: BroadcastHandler,
  received: ReceivedBroadcast,
  { scope, policy, slots, expected, news }: Attempts,
): Promise<BroadcastOutcome> {
  const { envelope, cancellation } = received;
  const { halted } = scope;
  const message = new IncomingMessage(envelope);
  let attempts = 0;
  let last: unknown;

  const attempt = async (): Promise<HandlerReply> => {
    // Right before the handler: it may have waited for its turn.
    halted.throwIfAborted();
    cancellation.throwIfRequested();
    if (Date.now() > envelope.expiresMs) throw new TimeOver();
    attempts++;
    const ended = news.started(attempts);
    try {
      return toReply(await handler(message, new BroadcastAttempt(scope, received, expected, attempts)));
    } catch (thrown) {
      last = thrown;
      throw new AttemptFailed(thrown);
    } finally {
      ended();
    }
  };
  const inSlot = (): Promise<HandlerReply> => {
    if (slots === undefined) return attempt();
    return cancellation.before((begin) =>
      slots(() => {
        begin();
        return attempt();
      }),
    );
  };
  const goOn = (first: unknown): Promise<HandlerReply> => {
    const signal = cancellation.joinedWith(halted);
    return retryAfter(first, inSlot, {
      retries: policy.maxAttempts - 1,
      minTimeout: policy.retryMinMs,
      maxTimeout: policy.retryMaxMs,
      randomize: true,
      signal,
      shouldRetry: ({ error }) => error instanceof AttemptFailed && !isTerminalError(error.thrown),
      onFailedAttempt: (context) => onFailedAttempt(context, received, scope, signal, news),
    });
  };

  try {
    let reply: HandlerReply;
    try {
      reply = await inSlot();
    } catch (first) {
      reply = await goOn(first);
    }
    return cancellation.requested ? { kind: "closed" } : { kind: "acked", reply, attempts };
  } catch (error) {
    if (cancellation.requested || error instanceof TimeOver) return { kind: "closed" };
    if (scope.signal.aborted) return { kind: "abandoned" }; // what it threw may be its answer to the signal
    // By what the handler did, not by what the retries ended with: that may be the halt.
    if (isTerminalError(last)) {
      return { kind: "failed", code: "SHARDCAST_HANDLER_REFUSED", reason: last.message, attempts };
    }
    if (attempts < policy.maxAttempts) return { kind: "abandoned" };
    return { kind: "failed", code: "SHARDCAST_ATTEMPTS_EXHAUSTED", reason: messageOf(last), attempts };
  } finally {
    cancellation.end();
  }
}

/** Says what happened, and waits on top of p-retry's own delay where the handler asked for a longer one. */
async function onFailedAttempt(
  { error, attemptNumber, retriesLeft, retryDelay }: RetryContext,
  { envelope }: ReceivedBroadcast,
  { logger }: BroadcastScope,
  signal: AbortSignal,
  news: BroadcastNews,
): Promise<void> {
  if (!(error instanceof AttemptFailed) || isTerminalError(error.thrown)) return;
  const { id: broadcastId, handler, expiresMs } = envelope;
  const { thrown } = error;
  logger.warn({ err: thrown, broadcastId, handler, attempt: attemptNumber, retriesLeft }, "handler failed");
  if (retriesLeft === 0) return;
  const asked = isRetryableError(thrown) ? Math.min(thrown.retryAfterMs, MAX_DELAY_MS) : 0;
  // What lies behind it need not wait for an attempt that could not start (C8).
  if (Date.now() + Math.max(asked, retryDelay) > expiresMs) throw new TimeOver();
  news.failed(attemptNumber, messageOf(thrown));
  if (asked > retryDelay) await sleep(asked - retryDelay, undefined, { signal });
}
