import { setTimeout as sleep } from "node:timers/promises";
import { type RequestEnvelope, ShardcastError } from "@shardcast/protocol";
import type { LimitFunction } from "p-limit";
import pRetry, { type RetryContext } from "p-retry";
import { isRetryableError, isTerminalError } from "./errors.ts";
import type { Handler } from "./handler.ts";
import type { Outcome } from "./outcome.ts";
import { type HandlerReply, toReply } from "./reply.ts";
import { AttemptContext, IncomingRequest, type LaneScope } from "./request.ts";

export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
}

/** Carries what a handler threw, whatever it is: p-retry takes TypeErrors for final and refuses what is no Error. */
class AttemptFailed extends Error {
  readonly thrown: unknown;

  constructor(thrown: unknown) {
    super("attempt failed", { cause: thrown });
    this.thrown = thrown;
  }
}

class DeadlinePassed extends Error {}

/**
 * Calls the handler until it succeeds, refuses, runs out of attempts or out of time. A slot of the lane is held only
 * while it runs, so a key that waits for its next attempt delays nobody else (C9).
 */
export async function execute(
  handler: Handler,
  envelope: RequestEnvelope,
  offset: number,
  { scope, slots, policy }: { scope: LaneScope; slots: LimitFunction; policy: RetryPolicy },
): Promise<Outcome> {
  const request = new IncomingRequest(envelope);
  const { deadlineMs } = envelope;
  let attempts = 0;
  let last: unknown;

  const attempt = async (): Promise<HandlerReply> => {
    // Checked in the slot, right before the handler: it may have waited for the slot (C2, C8).
    scope.signal.throwIfAborted();
    if (deadlineMs !== undefined && Date.now() > deadlineMs) throw new DeadlinePassed();
    attempts++;
    try {
      return toReply(
        await handler(request, new AttemptContext(scope, envelope, offset, envelope.attempt + attempts - 1)),
      );
    } catch (thrown) {
      last = thrown;
      throw new AttemptFailed(thrown);
    }
  };

  try {
    const reply = await pRetry(() => slots(attempt), {
      retries: policy.maxAttempts - 1,
      minTimeout: policy.retryMinMs,
      maxTimeout: policy.retryMaxMs,
      randomize: true,
      signal: scope.signal,
      shouldRetry: ({ error }) => error instanceof AttemptFailed && !isTerminalError(error.thrown),
      onFailedAttempt: (context) => onFailedAttempt(context, scope, envelope),
    });
    return { kind: "replied", reply };
  } catch (error) {
    if (scope.signal.aborted) return { kind: "abandoned" };
    if (error instanceof DeadlinePassed) return { kind: "expired", error: expired(attempts, last) };
    if (isTerminalError(last)) return { kind: "failed", error: refused(last), attempts };
    return { kind: "exhausted", error: exhausted(attempts, last), attempts };
  }
}

/** Says what happened, and waits on top of p-retry's own delay where the handler asked for a longer one. */
async function onFailedAttempt(
  { error, attemptNumber, retriesLeft, retryDelay }: RetryContext,
  { signal, logger }: LaneScope,
  { id, handler }: RequestEnvelope,
): Promise<void> {
  if (!(error instanceof AttemptFailed) || isTerminalError(error.thrown)) return;
  const { thrown } = error;
  logger.warn({ err: thrown, requestId: id, handler, attempt: attemptNumber, retriesLeft }, "handler failed");
  if (retriesLeft === 0 || !isRetryableError(thrown)) return;
  const longer = thrown.retryAfterMs - retryDelay;
  if (longer > 0) await sleep(longer, undefined, { signal });
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function refused(error: {
  message: string;
  status: number;
  details: Readonly<Record<string, unknown>>;
}): ShardcastError {
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
  const detail =
    attempts === 0
      ? "the deadline passed before the handler could start"
      : `the deadline passed after ${attempts} failed attempts: ${messageOf(last)}`;
  return new ShardcastError("SHARDCAST_DEADLINE_EXCEEDED", detail, { cause: last, extensions: { attempts } });
}
