import { setTimeout as sleep } from "node:timers/promises";
import { type RequestEnvelope, ShardcastError } from "@shardcast/protocol";
import type { LimitFunction } from "p-limit";
import type { RetryContext } from "p-retry";
import { isRetryableError, isTerminalError, type TerminalError } from "../errors.ts";
import type { Handler } from "../handler.ts";
import { type HandlerReply, toReply } from "../reply.ts";
import { AttemptFailed, messageOf } from "./attempt-failed.ts";
import type { AttemptNews } from "./attempt-news.ts";
import type { Cancellation } from "./cancellation.ts";
import type { Outcome } from "./outcome.ts";
import { AttemptContext, IncomingRequest, type LaneScope } from "./request.ts";
import { retryAfter } from "./retry.ts";

export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
}

/** What the executions of one lane have in common. */
export interface Execution {
  readonly scope: LaneScope;
  /** Fires when no handler may start any more, at the latest with the scope's signal; those that run may end. */
  readonly halted: AbortSignal;
  readonly slots: LimitFunction;
  readonly policy: RetryPolicy;
}

/** Longest wait a timer can hold. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** It has passed, or would have before the next attempt. */
class DeadlinePassed extends Error {}

/**
 * Calls the handler until it succeeds, refuses, runs out of attempts or out of time, or the request is cancelled. A slot
 * of the lane is held only while it runs, so a key that waits for its next attempt delays nobody else (C9). Never rejects.
 *
 * @param news who wants to know of each attempt
 */
export async function execute(
  handler: Handler,
  envelope: RequestEnvelope,
  offset: number,
  { scope, halted, slots, policy }: Execution,
  cancellation: Cancellation,
  news?: AttemptNews,
): Promise<Outcome> {
  const request = new IncomingRequest(envelope);
  const { deadlineMs } = envelope;
  let attempts = 0;
  let last: unknown;

  const attempt = async (): Promise<HandlerReply> => {
    // Checked in the slot, right before the handler: it may have waited for the slot, and for the lease (C2, C8).
    if (!scope.lease.valid) await scope.lease.held(halted);
    halted.throwIfAborted();
    cancellation.throwIfRequested();
    if (deadlineMs !== undefined && Date.now() > deadlineMs) throw new DeadlinePassed();
    attempts++;
    news?.started(attempts);
    const number = envelope.attempt + attempts - 1;
    try {
      return toReply(
        await handler(request, new AttemptContext(scope, envelope, cancellation, offset, number)),
      );
    } catch (thrown) {
      last = thrown;
      throw new AttemptFailed(thrown);
    }
  };
  const inSlot = (): Promise<HandlerReply> => {
    if (slots.activeCount < slots.concurrency) return slots(attempt);
    // Who waits for a slot can be cancelled meanwhile.
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
      onFailedAttempt: (context) => onFailedAttempt(context, envelope, scope, signal, news),
    });
  };

  try {
    halted.throwIfAborted();
    let reply: HandlerReply;
    try {
      reply = await inSlot();
    } catch (first) {
      reply = await goOn(first);
    }
    return { kind: "replied", reply, attempts };
  } catch (error) {
    if (scope.signal.aborted) return { kind: "abandoned" }; // the next owner's to give up (C2)
    if (cancellation.requested) return { kind: "cancelled", error: cancelled(attempts), attempts };
    if (error instanceof DeadlinePassed) return { kind: "expired", error: expired(attempts, last), attempts };
    // By what the handler did, not by what the retries ended with: that may be the halt.
    if (isTerminalError(last)) return { kind: "failed", error: refused(last), attempts };
    if (attempts < policy.maxAttempts) return { kind: "abandoned" };
    return { kind: "exhausted", error: exhausted(attempts, last), attempts };
  } finally {
    cancellation.end();
  }
}

/** Says what happened, and waits on top of p-retry's own delay where the handler asked for a longer one. */
async function onFailedAttempt(
  { error, attemptNumber, retriesLeft, retryDelay }: RetryContext,
  { id, handler, deadlineMs }: RequestEnvelope,
  { logger }: LaneScope,
  signal: AbortSignal,
  news: AttemptNews | undefined,
): Promise<void> {
  if (!(error instanceof AttemptFailed) || isTerminalError(error.thrown)) return;
  const { thrown } = error;
  logger.warn({ err: thrown, requestId: id, handler, attempt: attemptNumber, retriesLeft }, "handler failed");
  if (retriesLeft === 0) return;
  const asked = isRetryableError(thrown) ? Math.min(thrown.retryAfterMs, MAX_DELAY_MS) : 0;
  // The key's next request and the caller need not wait for an attempt that could not start (C8, C9).
  if (deadlineMs !== undefined && Date.now() + Math.max(asked, retryDelay) > deadlineMs)
    throw new DeadlinePassed();
  news?.failed(attemptNumber, messageOf(thrown));
  if (asked > retryDelay) await sleep(asked - retryDelay, undefined, { signal });
}

/** What who waits for a cancelled request is told. */
export function cancelled(attempts: number): ShardcastError {
  const detail =
    attempts === 0
      ? "the request was cancelled before its handler started"
      : "the request was cancelled while its handler ran, or between two attempts";
  return new ShardcastError("SHARDCAST_CANCELLED", detail, { extensions: { attempts } });
}

function refused(error: TerminalError): ShardcastError {
  const { message, status, details } = error;
  return new ShardcastError("SHARDCAST_HANDLER_REFUSED", message, {
    status,
    extensions: details,
    cause: error,
  });
}

function exhausted(attempts: number, last: unknown): ShardcastError {
  const times = attempts === 1 ? "once" : `${attempts} times`;
  return new ShardcastError(
    "SHARDCAST_ATTEMPTS_EXHAUSTED",
    `the handler failed ${times}: ${messageOf(last)}`,
    {
      cause: last,
      extensions: { attempts },
    },
  );
}

function expired(attempts: number, last: unknown): ShardcastError {
  const failed = attempts === 1 ? "1 failed attempt" : `${attempts} failed attempts`;
  const detail =
    attempts === 0
      ? "the deadline passed before the handler could start"
      : `no time was left after ${failed}: ${messageOf(last)}`;
  return new ShardcastError("SHARDCAST_DEADLINE_EXCEEDED", detail, { cause: last, extensions: { attempts } });
}
