import type { AppendRecord, Log, LogRecord } from "@shardcast/log";
import {
  encodeDeadLetter,
  encodeReply,
  isShardcastError,
  PROBLEM_JSON,
  type ReplyEnvelope,
  type RequestEnvelope,
  type ServiceTopics,
  ShardcastError,
  toProblem,
} from "@shardcast/protocol";
import pRetry from "p-retry";
import type { Outcome } from "./outcome.ts";
import type { LaneScope } from "./request.ts";

const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 2_000;

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
   * or the worker stops before that.
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
      body: Buffer.from(JSON.stringify(toProblem(error))),
    });
  }

  async #reply(request: RequestEnvelope, answer: Omit<ReplyEnvelope, "id" | "instance">): Promise<void> {
    const { replyTo, id } = request;
    if (replyTo === undefined) return;
    const { instance, partition } = replyTo;
    const record = encodeReply({ ...answer, id, instance });
    try {
      await this.#append({ topic: this.#topics.replies.name, partition, ...record });
    } catch (error) {
      if (
        isShardcastError(error) &&
        error.code === "SHARDCAST_BODY_TOO_LARGE" &&
        answer.error === undefined
      ) {
        const tooLarge = new ShardcastError(
          "SHARDCAST_REPLY_TOO_LARGE",
          `the reply has ${answer.body.byteLength} bytes`,
        );
        await this.#replyError(request, tooLarge);
        return;
      }
      if (this.#scope.signal.aborted) throw error;
      // The log will never take it, e.g. because the caller named a partition that is not there: nobody is waiting.
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
    const why = { code: error.code, reason: error.message, attempts, member, atMs: Date.now() };
    const to = { topic: this.#topics.dead.name, partition };
    const letter = encodeDeadLetter(record, { ...why, origin: { topic, partition, offset } });
    try {
      await this.#append({ ...to, ...letter }, { insist: true });
    } catch (cause) {
      if (!isShardcastError(cause) || cause.code !== "SHARDCAST_BODY_TOO_LARGE") throw cause;
      // As large as the log allows already: keep why and where, leave out the value; its origin still has it.
      const stub = { ...letter, value: null, headers: { ...letter.headers, "sc-dead-truncated": "true" } };
      await this.#append({ ...to, ...stub }, { insist: true });
    }
  }

  /** Appends, however long the log is away. With `insist`, also while it refuses: until an operator mends that. */
  async #append(record: AppendRecord, { insist = false } = {}): Promise<void> {
    await pRetry(() => this.#log.append(record), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: RETRY_MIN_MS,
      maxTimeout: RETRY_MAX_MS,
      randomize: true,
      signal: this.#scope.signal,
      shouldRetry: ({ error }) => {
        if (!isShardcastError(error) || error.code === "SHARDCAST_BODY_TOO_LARGE") return false;
        return error.code !== "SHARDCAST_CLOSED" && (error.retryable || insist);
      },
    });
  }
}
