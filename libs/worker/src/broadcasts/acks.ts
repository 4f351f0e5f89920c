import type { Log } from "@shardcast/log";
import {
  type AckAuthor,
  type AckRecord,
  ackPartitionOf,
  encodeAck,
  isShardcastError,
  type ShardcastError,
} from "@shardcast/protocol";
import type { Logger } from "pino";
import { type Answer, replyAnswer, tooLarge } from "../execution/answer.ts";
import { retry } from "../execution/retry.ts";
import type { HandlerReply } from "../reply.ts";
import type { BroadcastNews, BroadcastOutcome } from "./outcome.ts";

/** What a member says of one broadcast. */
export interface Acks extends BroadcastNews {
  /** Resolves when the outcome is on the log: only then may the broadcast count as done (C6). Rejects when nothing counts any more. */
  final(outcome: Exclude<BroadcastOutcome, { kind: "abandoned" }>): Promise<void>;
}

/** Of a broadcast that does not expect this member. */
export const NO_ACKS: Acks = { started: () => () => {}, failed: () => {}, final: () => Promise.resolve() };

export interface AckWriterOptions {
  readonly log: Log;
  /** Name of the topic. */
  readonly topic: string;
  readonly author: AckAuthor;
  /** Fires when what is said does not count any more, or nobody has time to say it. */
  readonly over: AbortSignal;
  /** Calls back when an attempt has been running for so long that it is worth a word. Returns what stops that. */
  readonly later?: (callback: () => void) => () => void;
  readonly logger: Logger;
}

/** Largest reply, headers included, bytes: every gateway keeps those of all members. */
const MAX_REPLY_BYTES = 64_000;
const RUNNING_AFTER_MS = 100;
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 2_000;
/** About once a minute. */
const FAULTS_PER_LINE = 30;

type Said = {
  readonly [K in AckRecord["kind"]]: Omit<Extract<AckRecord, { kind: K }>, "id" | "author" | "atMs">;
};
type Word = Said["running" | "retrying" | "acked" | "failed"];

/** Puts on `S.acks` what this member says of broadcasts. Plain appends: what does not count any more is told by their author. */
export class AckWriter {
  readonly #options: AckWriterOptions;
  readonly #later: (callback: () => void) => () => void;

  constructor(options: AckWriterOptions) {
    this.#options = options;
    this.#later = options.later ?? afterAWhile;
  }

  of(id: string): Acks {
    return {
      started: (attempt) => this.#later(() => this.#tell(id, { kind: "running", attempt })),
      failed: (attempt, reason) => this.#tell(id, { kind: "retrying", attempt, reason }),
      final: async (outcome) => {
        if (outcome.kind === "closed") return;
        const attempt = outcome.attempts;
        if (outcome.kind === "failed") {
          const { code, reason } = outcome;
          await this.#insist(id, { kind: "failed", attempt, code, reason });
        } else await this.#acked(id, attempt, outcome.reply);
      },
    };
  }

  async #acked(id: string, attempt: number, reply: HandlerReply): Promise<void> {
    const whole = replyAnswer(reply);
    const small = () => ({ kind: "acked", attempt, ...sent(tooLarge(whole)) }) as const;
    const fits = bytesOf(whole) <= MAX_REPLY_BYTES;
    try {
      await this.#insist(id, fits ? { kind: "acked", attempt, ...sent(whole) } : small());
    } catch (error) {
      if (!isTooLarge(error) || !fits) throw error;
      await this.#insist(id, small());
    }
  }

  /** Nothing rests on it: it is not waited for, and lost where the log does not take it. */
  #tell(id: string, word: Word): void {
    const { log, over, logger } = this.#options;
    if (over.aborted) return;
    log.append(this.#record(id, word)).catch((error: unknown) => {
      logger.debug({ err: error, broadcastId: id }, "progress not recorded");
    });
  }

  /** However long the log is away. */
  #insist(id: string, word: Word): Promise<unknown> {
    const { log, over, logger } = this.#options;
    const record = this.#record(id, word);
    return retry(() => log.append(record), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: RETRY_MIN_MS,
      maxTimeout: RETRY_MAX_MS,
      randomize: true,
      signal: over,
      shouldRetry: ({ error }) =>
        isShardcastError(error) && error.code !== "SHARDCAST_CLOSED" && !isTooLarge(error),
      onFailedAttempt: ({ error, attemptNumber }) => {
        if (attemptNumber % FAULTS_PER_LINE === 1)
          logger.warn({ err: error, broadcastId: id }, "acknowledgement not on the log yet; trying on");
      },
    });
  }

  #record(id: string, word: Word) {
    const { topic, author } = this.#options;
    const partition = ackPartitionOf(id) as number; // what was decoded has one
    return { topic, partition, ...encodeAck({ id, author, atMs: Date.now(), ...word } as AckRecord) };
  }
}

/** Says that this process is the member now; what older ones say after it does not count (C6). @throws what the log throws */
export async function announceJoined(
  log: Log,
  { name: topic, partitions }: { readonly name: string; readonly partitions: number },
  author: { readonly member: string; readonly token: number },
): Promise<void> {
  const joined = encodeAck({ kind: "joined", ...author });
  await Promise.all(
    Array.from({ length: partitions }, (_, partition) => log.append({ topic, partition, ...joined })),
  );
}

/** The part of an answer that travels on `S.acks`. */
function sent({ status, contentType, headers, body }: Answer) {
  return { status, headers, body, ...(contentType === undefined ? {} : { contentType }) };
}

function bytesOf({ headers, body }: Answer): number {
  let bytes = body.byteLength;
  for (const [name, value] of Object.entries(headers)) bytes += name.length + Buffer.byteLength(value);
  return bytes;
}

function isTooLarge(error: unknown): error is ShardcastError {
  return isShardcastError(error) && error.code === "SHARDCAST_BODY_TOO_LARGE";
}

function afterAWhile(callback: () => void): () => void {
  const timer = setTimeout(callback, RUNNING_AFTER_MS).unref();
  return () => clearTimeout(timer);
}
