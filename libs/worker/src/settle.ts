import type { AppendRecord, Log, LogRecord } from "@shardcast/log";
import {
  type ErrorCode,
  encodeDeadLetter,
  encodeReply,
  isShardcastError,
  PROBLEM_JSON,
  type ReplyEnvelope,
  type RequestEnvelope,
  type ServiceTopics,
  ShardcastError,
  toProblem,
  type WireRecord,
} from "@shardcast/protocol";
import type { Outcome } from "./outcome.ts";
import type { LaneScope } from "./request.ts";
import { retry } from "./retry.ts";

const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 2_000;
/** How long a reply that the log refuses is tried again: a refusal may be a broker that changes hands. */
const REPLY_INSIST_MS = 5_000;
/** About once a minute. */
const REFUSALS_PER_LINE = 30;

/** Puts on the log what came of a request: the reply to who waits, and the dead letter of what was given up. */
export class Settler {
  readonly #log: Log;
  readonly #topics: ServiceTopics;
  readonly #scope: LaneScope;

  constructor(log: Log, topics: ServiceTopics, scope: LaneScope) {
    this.#log = log;
    this.#topics = topics;
    this.#scope = scope;
  }

  /**
   * Resolves when the outcome is on the log: only then may the request count as done (C3). Rejects when the lane is lost
   * before that; from then on nothing is appended (C4).
   *
   * @param request undefined for a record that is not a request
   */
  async settle(record: LogRecord, request: RequestEnvelope | undefined, outcome: Outcome): Promise<void> {
    switch (outcome.kind) {
      case "abandoned":
        return;
      case "replied":
        if (request?.replyTo !== undefined) {
          const { status, contentType, headers, body } = outcome.reply;
          await this.#reply(request, {
            status,
            headers,
            body,
            ...(contentType === undefined ? {} : { contentType }),
          });
        }
        return;
      case "expired":
        if (request !== undefined) await this.#replyError(request, outcome.error);
        return;
      case "failed":
        // A caller that waits gets the refusal; without one it must not vanish.
        if (request?.replyTo === undefined) await this.#bury(record, outcome.error, outcome.attempts);
        else await this.#replyError(request, outcome.error);
        return;
      case "exhausted":
        await this.#bury(record, outcome.error, outcome.attempts);
        if (request !== undefined) await this.#replyError(request, outcome.error);
        return;
    }
  }

  async #replyError(request: RequestEnvelope, error: ShardcastError): Promise<void> {
    if (request.replyTo === undefined) return;
    await this.#reply(request, {
      status: error.status,
      error: error.code,
      contentType: PROBLEM_JSON,
      headers: {},
      body: problemBody(error),
    });
  }

  async #reply(request: RequestEnvelope, answer: Omit<ReplyEnvelope, "id" | "instance">): Promise<void> {
    const { replyTo, id } = request;
    if (replyTo === undefined) return;
    const { instance, partition } = replyTo;
    if (partition >= this.#topics.replies.partitions) {
      this.#scope.logger.error(
        { requestId: id, instance, partition },
        "no such partition of replies; reply dropped",
      );
      return;
    }
    const record = encodeReply({ ...answer, id, instance });
    try {
      const insistUntilMs = performance.now() + REPLY_INSIST_MS;
      await this.#append({ topic: this.#topics.replies.name, partition, ...record }, { insistUntilMs });
    } catch (error) {
      // The lane or the log is gone: the reply, and with it the request, is the next owner's (C3).
      if (this.#scope.signal.aborted || hasCode(error, "SHARDCAST_CLOSED")) throw error;
      if (hasCode(error, "SHARDCAST_BODY_TOO_LARGE") && answer.error !== "SHARDCAST_REPLY_TOO_LARGE") {
        const detail = `the reply has ${answer.body.byteLength} bytes`;
        await this.#replyError(request, new ShardcastError("SHARDCAST_REPLY_TOO_LARGE", detail));
        return;
      }
      // The log will not take it, e.g. for want of a permission; the request has ended all the same.
      this.#scope.logger.error(
        { err: error, requestId: id, instance, partition },
        "reply refused by the log; dropped",
      );
    }
  }

  async #bury(record: LogRecord, error: ShardcastError, attempts: number): Promise<void> {
    const { topic, partition, offset } = record;
    const { member, logger } = this.#scope;
    logger.error(
      { code: error.code, reason: error.message, topic, partition, offset, attempts },
      "dead-lettered",
    );
    const origin = { topic, partition, offset };
    const why = { code: error.code, reason: error.message, attempts, member, atMs: Date.now(), origin };
    const whole = encodeDeadLetter(record, why);
    const bare = encodeDeadLetter({ key: null, value: null, headers: {} }, why);
    await this.#appendLargest(
      [whole, truncated({ ...whole, value: null }), truncated(bare)].map((letter) => ({
        ...letter,
        topic: this.#topics.dead.name,
        partition,
      })),
    );
  }

  /** Appends the first that the log takes: a dead letter is larger than its record, which may fill the limit already. */
  async #appendLargest([first, ...smaller]: readonly AppendRecord[]): Promise<void> {
    try {
      await this.#append(first as AppendRecord, { insistUntilMs: Number.POSITIVE_INFINITY });
    } catch (error) {
      if (smaller.length === 0 || !hasCode(error, "SHARDCAST_BODY_TOO_LARGE")) throw error;
      await this.#appendLargest(smaller);
    }
  }

  /** Appends, however long the log is away; and until then (monotonic ms) also while it refuses. */
  async #append(record: AppendRecord, { insistUntilMs }: { insistUntilMs: number }): Promise<void> {
    const { signal, logger } = this.#scope;
    await retry(() => this.#log.append(record), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: RETRY_MIN_MS,
      maxTimeout: RETRY_MAX_MS,
      randomize: true,
      signal,
      shouldRetry: ({ error }) => {
        if (!isShardcastError(error) || error.code === "SHARDCAST_BODY_TOO_LARGE") return false;
        return error.code !== "SHARDCAST_CLOSED" && (error.retryable || performance.now() < insistUntilMs);
      },
      onFailedAttempt: ({ error, attemptNumber }) => {
        if (attemptNumber % REFUSALS_PER_LINE === 1 && hasCode(error, "SHARDCAST_LOG_REFUSED"))
          logger.error({ err: error, topic: record.topic }, "refused by the log; trying on");
      },
    });
  }
}

/** The dead letter of a record that is not whole; its origin still has the rest. */
function truncated(letter: WireRecord): WireRecord {
  return { ...letter, headers: { ...letter.headers, "sc-dead-truncated": "true" } };
}

/** What a handler gave as details may be no JSON; the caller then gets the problem without. */
function problemBody(error: ShardcastError): Buffer {
  try {
    return Buffer.from(JSON.stringify(toProblem(error)));
  } catch {
    const { code, message, status } = error;
    return Buffer.from(JSON.stringify(toProblem(new ShardcastError(code, message, { status }))));
  }
}

function hasCode(error: unknown, code: ErrorCode): boolean {
  return isShardcastError(error) && error.code === code;
}
