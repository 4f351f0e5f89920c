import type { AppendRecord, Log, LogRecord } from "@shardcast/log";
import {
  type ErrorCode,
  encodeReply,
  encodeResult,
  encodeUnparked,
  fingerprintOf,
  isShardcastError,
  type RequestEnvelope,
  type ResultEnd,
  type ServiceTopics,
  type ShardcastError,
} from "@shardcast/protocol";
import type { Results } from "@shardcast/results";
import { type Answer, answerOf, type Ended, endOf, problemAnswer, replyAnswer, tooLarge } from "./answer.ts";
import { addDeadLetter } from "./bury.ts";
import type { Delivery, Parcel } from "./delivery.ts";
import { copyOf } from "./move.ts";
import type { ProgressSource } from "./outbox.ts";
import type { Outcome } from "./outcome.ts";
import type { OwedCallbacks } from "./owed-callbacks.ts";
import type { LaneScope } from "./request.ts";

export interface SettlerOptions {
  readonly scope: LaneScope;
  readonly topics: ServiceTopics;
  /** For replies and dead letters of requests that are not recorded, and for replies that repeat what is. */
  readonly delivery: Delivery;
  /** For what is in one commit with the progress: results, and dead letters beside them. */
  readonly committed: Delivery;
  /** Takes in what was committed. */
  readonly results: Pick<Results, "note">;
  readonly log: Pick<Log, "assertFits">;
  readonly callbacks: OwedCallbacks;
}

type Exhausted = Extract<Ended, { kind: "exhausted" }>;

/** How long a reply that the log refuses is tried again: a refusal may be a broker that changes hands. */
const REPLY_INSIST_MS = 5_000;

/** Puts on the log what came of a request: the reply to who waits, its result, and the dead letter of what was given up. */
export class Settler {
  readonly #options: SettlerOptions;
  #underWay = 0;
  #waiting: (() => void)[] = [];

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** Resolves when no outcome is on its way to the log. */
  async idle(): Promise<void> {
    while (this.#underWay > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /**
   * Resolves when the outcome is on the log: only then may the request count as done (C3). Rejects when the lane is lost
   * before that; from then on nothing is appended (C4).
   *
   * @param request undefined for a record that is not a request
   * @param source whose progress counts the request as done
   */
  async settle(
    record: LogRecord,
    request: RequestEnvelope | undefined,
    outcome: Outcome,
    source: ProgressSource,
  ): Promise<void> {
    if (outcome.kind === "abandoned") return;
    this.#underWay++;
    try {
      await this.#settle(record, request, outcome, source);
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) for (const wake of this.#waiting.splice(0)) wake();
    }
  }

  async #settle(
    record: LogRecord,
    request: RequestEnvelope | undefined,
    outcome: Ended,
    source: ProgressSource,
  ): Promise<void> {
    if (request?.recording !== undefined) return this.#settleRecorded(record, request, outcome, source);
    const parcel = this.#options.delivery.begin(source, record.offset);
    switch (outcome.kind) {
      case "replied":
        if (request !== undefined) await this.#reply(parcel, request, replyAnswer(outcome.reply));
        break;
      case "expired":
      case "cancelled":
        if (request !== undefined) await this.#replyError(parcel, request, outcome.error);
        break;
      case "failed":
        // A caller that waits gets the refusal; without one it must not vanish.
        if (request?.replyTo === undefined) await this.#bury(parcel, record, outcome);
        else await this.#replyError(parcel, request, outcome.error);
        break;
      case "exhausted":
        if (outcome.parks) return this.#settleParked(record, request, outcome, source);
        await this.#bury(parcel, record, outcome);
        if (request !== undefined) await this.#replyError(parcel, request, outcome.error);
        break;
    }
    await parcel.sent();
  }

  /**
   * Its letter is in the commit that counts it as done: one that an owner who has lost the lane writes would park the key
   * under the next one's hands (C2).
   */
  async #settleParked(
    record: LogRecord,
    request: RequestEnvelope | undefined,
    outcome: Exhausted,
    source: ProgressSource,
  ): Promise<void> {
    const { delivery, committed } = this.#options;
    const parcel = committed.begin(source, record.offset);
    await this.#bury(parcel, record, outcome);
    if (request !== undefined && delivery === committed) {
      await this.#replyError(parcel, request, outcome.error);
    }
    await parcel.sent();
    if (request !== undefined && delivery !== committed) {
      await this.answer(record, request, problemAnswer(outcome.error), source);
    }
  }

  /** Says that a key is not parked any more, in the commit that counts the record as done that asks for it. */
  async unpark({ offset, partition }: LogRecord, key: Buffer, source: ProgressSource): Promise<void> {
    const { topics, committed } = this.#options;
    const parcel = committed.begin(source, offset);
    const said = { topic: topics.dead.name, partition, ...encodeUnparked(key) };
    await parcel.add(said, Number.POSITIVE_INFINITY);
    await parcel.sent();
  }

  /** Answers a request that does not run; resolves as {@link settle}. */
  async answer(
    { offset }: LogRecord,
    request: RequestEnvelope,
    answer: Answer,
    source: ProgressSource,
  ): Promise<void> {
    const parcel = this.#options.delivery.begin(source, offset);
    await this.#reply(parcel, request, answer);
    await parcel.sent();
  }

  /** Puts a request at the end of its lane once more, in one commit with what counts it as done where it was. */
  async moveToEnd(record: LogRecord, source: ProgressSource): Promise<void> {
    const parcel = this.#options.committed.begin(source, record.offset);
    await parcel.add(copyOf(record), Number.POSITIVE_INFINITY);
    await parcel.sent();
  }

  /** Its result is on the log in the commit that counts it as done, and before who waits is told (C5). */
  async #settleRecorded(
    record: LogRecord,
    request: RequestEnvelope,
    outcome: Ended,
    source: ProgressSource,
  ): Promise<void> {
    const { delivery, committed, results, callbacks, scope } = this.#options;
    let answer = answerOf(outcome);
    let result = this.#resultOf(request, outcome, answer);
    let owed = await callbacks.of(request, result, scope.over);
    if (!this.#fits(request, answer, result, owed)) {
      answer = tooLarge(answer);
      result = this.#resultOf(request, outcome, answer);
      owed = await callbacks.of(request, result, scope.over);
    }
    const parcel = committed.begin(source, record.offset);
    await parcel.add(this.#resultRecord(result), Number.POSITIVE_INFINITY);
    if (owed !== undefined) await parcel.add(owed, Number.POSITIVE_INFINITY);
    if (outcome.kind === "exhausted") await this.#bury(parcel, record, outcome);
    if (delivery === committed) await this.#reply(parcel, request, answer);
    await parcel.sent();
    results.note(result);
    if (delivery !== committed) await this.answer(record, request, answer, source);
  }

  /** What is recorded is what is replied and called back: if one of them is too large, none is taken. */
  #fits(
    request: RequestEnvelope,
    answer: Answer,
    result: ResultEnd,
    owed: AppendRecord | undefined,
  ): boolean {
    const { log } = this.#options;
    const records = [this.#resultRecord(result), this.#replyRecord(request, answer), owed];
    try {
      for (const record of records) if (record !== undefined) log.assertFits(record);
      return true;
    } catch (error) {
      if (hasCode(error, "SHARDCAST_BODY_TOO_LARGE")) return false;
      throw error;
    }
  }

  #resultOf(request: RequestEnvelope, outcome: Ended, answer: Answer): ResultEnd {
    return {
      kind: "ended",
      id: request.id,
      fencingToken: this.#options.scope.fencingToken,
      delivery: request.attempt,
      atMs: Date.now(),
      end: endOf(outcome, answer),
      fingerprint: fingerprintOf(request),
      attempts: outcome.attempts,
      ...answer,
    };
  }

  #resultRecord(result: ResultEnd): AppendRecord {
    const { topics, scope } = this.#options;
    return { topic: topics.results.name, partition: scope.lane, ...encodeResult(result) };
  }

  async #replyError(parcel: Parcel, request: RequestEnvelope, error: ShardcastError): Promise<void> {
    if (request.replyTo !== undefined) await this.#reply(parcel, request, problemAnswer(error));
  }

  async #reply(parcel: Parcel, request: RequestEnvelope, answer: Answer): Promise<void> {
    const { logger, over } = this.#options.scope;
    const { replyTo, id: requestId } = request;
    const record = this.#replyRecord(request, answer);
    if (record === undefined) {
      if (replyTo !== undefined)
        logger.error({ requestId, ...replyTo }, "no such partition of replies; reply dropped");
      return;
    }
    try {
      await parcel.add(record, performance.now() + REPLY_INSIST_MS);
    } catch (error) {
      // The lane or the log is gone: the reply, and with it the request, is the next owner's (C3).
      if (over.aborted || hasCode(error, "SHARDCAST_CLOSED")) throw error;
      if (hasCode(error, "SHARDCAST_BODY_TOO_LARGE") && answer.error !== "SHARDCAST_REPLY_TOO_LARGE") {
        await this.#reply(parcel, request, tooLarge(answer));
        return;
      }
      // The log will not take it, e.g. for want of a permission; the request has ended all the same.
      logger.error({ err: error, requestId, ...replyTo }, "reply refused by the log; dropped");
    }
  }

  /** Undefined where there is nobody to reply to. */
  #replyRecord({ replyTo, id }: RequestEnvelope, answer: Answer): AppendRecord | undefined {
    const { topics, scope } = this.#options;
    if (replyTo === undefined || replyTo.partition >= topics.replies.partitions) return undefined;
    const { partition, instance, correlation } = replyTo;
    const { fencingToken } = scope;
    const to = { id, instance, fencingToken, ...(correlation === undefined ? {} : { correlation }) };
    return { topic: topics.replies.name, partition, ...encodeReply({ ...answer, ...to }) };
  }

  #bury(parcel: Parcel, record: LogRecord, outcome: Extract<Ended, { error: unknown }>) {
    const { topics, scope } = this.#options;
    return addDeadLetter(parcel, topics.dead.name, record, { ...outcome, scope });
  }
}

function hasCode(error: unknown, code: ErrorCode): boolean {
  return isShardcastError(error) && error.code === code;
}
