import type { AppendRecord, LogRecord } from "@shardcast/log";
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
import type { Delivery, Parcel } from "./delivery.ts";
import type { Outcome } from "./outcome.ts";
import type { LaneScope } from "./request.ts";

/** How long a reply that the log refuses is tried again: a refusal may be a broker that changes hands. */
const REPLY_INSIST_MS = 5_000;

/** Puts on the log what came of a request: the reply to who waits, and the dead letter of what was given up. */
export class Settler {
  readonly #delivery: Delivery;
  readonly #topics: ServiceTopics;
  readonly #scope: LaneScope;

  constructor(delivery: Delivery, topics: ServiceTopics, scope: LaneScope) {
    this.#delivery = delivery;
    this.#topics = topics;
    this.#scope = scope;
  }

  /**
   * Resolves when the outcome is on the log: only then may the request count as done (C3). Rejects when the lane is lost
   * before that; from then on nothing is appended (C4).
   *
   * @param request undefined for a record that is not a request
   * @param complete counts the request as done in the lane's progress, where the delivery commits both together
   */
  async settle(
    record: LogRecord,
    request: RequestEnvelope | undefined,
    outcome: Outcome,
    complete: () => void,
  ): Promise<void> {
    const parcel = this.#delivery.begin(complete);
    switch (outcome.kind) {
      case "abandoned":
        return;
      case "replied":
        if (request?.replyTo !== undefined) {
          const { status, contentType, headers, body } = outcome.reply;
          await this.#reply(parcel, request, {
            status,
            headers,
            body,
            ...(contentType === undefined ? {} : { contentType }),
          });
        }
        break;
      case "expired":
        if (request !== undefined) await this.#replyError(parcel, request, outcome.error);
        break;
      case "failed":
        // A caller that waits gets the refusal; without one it must not vanish.
        if (request?.replyTo === undefined) await this.#bury(parcel, record, outcome.error, outcome.attempts);
        else await this.#replyError(parcel, request, outcome.error);
        break;
      case "exhausted":
        await this.#bury(parcel, record, outcome.error, outcome.attempts);
        if (request !== undefined) await this.#replyError(parcel, request, outcome.error);
        break;
    }
    await parcel.sent();
  }

  async #replyError(parcel: Parcel, request: RequestEnvelope, error: ShardcastError): Promise<void> {
    if (request.replyTo === undefined) return;
    await this.#reply(parcel, request, {
      status: error.status,
      error: error.code,
      contentType: PROBLEM_JSON,
      headers: {},
      body: problemBody(error),
    });
  }

  async #reply(
    parcel: Parcel,
    request: RequestEnvelope,
    answer: Omit<ReplyEnvelope, "id" | "instance">,
  ): Promise<void> {
    const { replyTo, id } = request;
    if (replyTo === undefined) return;
    const { instance, partition } = replyTo;
    const { logger, over, fencingToken } = this.#scope;
    if (partition >= this.#topics.replies.partitions) {
      logger.error({ requestId: id, instance, partition }, "no such partition of replies; reply dropped");
      return;
    }
    const record = encodeReply({ ...answer, id, instance, fencingToken });
    try {
      const reply = { topic: this.#topics.replies.name, partition, ...record };
      await parcel.add(reply, performance.now() + REPLY_INSIST_MS);
    } catch (error) {
      // The lane or the log is gone: the reply, and with it the request, is the next owner's (C3).
      if (over.aborted || hasCode(error, "SHARDCAST_CLOSED")) throw error;
      if (hasCode(error, "SHARDCAST_BODY_TOO_LARGE") && answer.error !== "SHARDCAST_REPLY_TOO_LARGE") {
        const detail = `the reply has ${answer.body.byteLength} bytes`;
        await this.#replyError(parcel, request, new ShardcastError("SHARDCAST_REPLY_TOO_LARGE", detail));
        return;
      }
      // The log will not take it, e.g. for want of a permission; the request has ended all the same.
      logger.error({ err: error, requestId: id, instance, partition }, "reply refused by the log; dropped");
    }
  }

  async #bury(parcel: Parcel, record: LogRecord, error: ShardcastError, attempts: number): Promise<void> {
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
    await addLargest(
      parcel,
      [whole, truncated({ ...whole, value: null }), truncated(bare)].map((letter) => ({
        ...letter,
        topic: this.#topics.dead.name,
        partition,
      })),
    );
  }
}

/** Adds the first that the log takes: a dead letter is larger than its record, which may fill the limit already. */
async function addLargest(parcel: Parcel, [first, ...smaller]: readonly AppendRecord[]): Promise<void> {
  try {
    await parcel.add(first as AppendRecord, Number.POSITIVE_INFINITY);
  } catch (error) {
    if (smaller.length === 0 || !hasCode(error, "SHARDCAST_BODY_TOO_LARGE")) throw error;
    await addLargest(parcel, smaller);
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
