import { randomUUID } from "node:crypto";
import type { Log } from "@shardcast/log";
import { topicsOf } from "@shardcast/protocol";
import { Follower } from "./follower.ts";
import { type DeadLetterPage, type ListOptions, listLetters } from "./list.ts";
import { type RedriveOptions, resend } from "./redrive.ts";
import { redriveRounds } from "./rounds.ts";
import { Scanner } from "./scanner.ts";
import { assertCount, invalid } from "./selection.ts";
import { settleLetters } from "./settle.ts";
import type { SettleOptions, SettleReport } from "./settling.ts";

/** Told when somebody settles letters: it is worth a line whoever did it. A pino logger is one. */
export interface DeadLettersLogger {
  info(about: object, message: string): void;
}

export interface DeadLettersOptions {
  readonly service: string;
  /** Put before every topic's name. Default none. */
  readonly topicPrefix?: string;
  /** Partitions of the service's topics. */
  readonly lanes: number;
  readonly logger?: DeadLettersLogger;
}

/** The dead letters of a service (C9): requests that were given up, to be found, sent again or discarded. */
export interface DeadLetters {
  /**
   * A page of letters, by lane and offset. What other processes settle shows as soon as it is read.
   *
   * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST, SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_LOG_REFUSED,
   *   SHARDCAST_OVERLOADED, SHARDCAST_CLOSED
   */
  list(options?: ListOptions): Promise<DeadLetterPage>;

  /**
   * Sends requests again, in the order of their letters on each lane, so in the order of each key (C1), with their ids.
   * Those that are sent and the marker that says so are one commit: a letter is sent once, also when the process dies or another
   * one redrives the same letters. Like every request, what is sent is then delivered at least once.
   *
   * Letters of a parked key are sent in the order of the key from its first one on, or not at all; behind the last of them the key
   * is unparked (decision 019). With a `key`, what comes to lie there meanwhile is sent as well, for some rounds.
   *
   * Only one redrive or discard of a service goes on at a time: the next one ends it.
   *
   * @throws {ShardcastError} SHARDCAST_FENCED when another has begun, or what {@link list} throws, with how far it came as
   *   `extensions.soFar`. After SHARDCAST_LOG_UNAVAILABLE one more commit may have been made: who tries again finds out
   */
  redrive(options?: RedriveOptions): Promise<SettleReport>;

  /**
   * Marks letters as settled and sends nothing; also those that can not be sent. A parked key of which none is left is
   * unparked. @throws as {@link redrive}
   */
  discard(options?: SettleOptions): Promise<SettleReport>;

  /** Idempotent; the log stays open. */
  close(): Promise<void>;
}

const MAX_RATE = 100_000;
const MAX_REDRIVES = 1_000_000;

/**
 * Opens the dead letters of a service. Resolves when it is known which ones are settled: all that the topic holds is read once
 * for that, and only the markers are kept.
 *
 * @throws {ShardcastError} SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_LOG_REFUSED, SHARDCAST_TOPIC_MISMATCH,
 *   SHARDCAST_INVALID_REQUEST
 */
export async function openDeadLetters(log: Log, options: DeadLettersOptions): Promise<DeadLetters> {
  const { service, topicPrefix: prefix = "", lanes, logger } = options;
  const topics = topicsOf(service, { lanes, prefix });
  const follower = await Follower.open(log, topics.dead.name, lanes);
  const scanner = new Scanner(log, topics.dead.name);
  const parts = { log, service, prefix, topics, lanes, follower, scanner };

  function told(report: SettleReport): SettleReport {
    const { outcomes: _outcomes, cursor: _cursor, ...counts } = report;
    if (!report.dryRun) logger?.info({ service, ...counts }, "dead letters settled");
    return report;
  }

  return {
    list: (selected = {}) => listLetters(parts, selected),

    async redrive(selected = {}) {
      const { ratePerSecond, maxRedrives } = selected;
      if (ratePerSecond !== undefined && !(ratePerSecond > 0 && ratePerSecond <= MAX_RATE)) {
        throw invalid(`ratePerSecond: must be above 0 and at most ${MAX_RATE}`);
      }
      if (maxRedrives !== undefined) assertCount("maxRedrives", maxRedrives, MAX_REDRIVES);
      const to = { log, service, topic: topics.requests.name };
      return told(
        await redriveRounds(parts, selected, {
          how: "redriven",
          redriveId: randomUUID(),
          judge: (record, letter, parked) => resend(record, letter, selected, to, parked),
          ...(ratePerSecond === undefined ? {} : { ratePerSecond }),
        }),
      );
    },

    async discard(selected = {}) {
      const redriveId = randomUUID();
      const judge = () => ({ kind: "settle" }) as const;
      return told((await settleLetters(parts, selected, { how: "discarded", redriveId, judge })).report);
    },

    async close() {
      await Promise.all([scanner.close(), follower.close()]);
    },
  };
}
