import type { TopicSpec } from "@shardcast/protocol";
import type { AppendRecord } from "./append-record.ts";
import type { LogReader, ReaderOptions } from "./reader.ts";
import type { LaneProgress, MemberSession, SessionOptions } from "./session.ts";

/** The records a partition holds: from `low` to before `high`. */
export interface OffsetRange {
  readonly low: number;
  readonly high: number;
}

/**
 * One process's connection to the log. Everything of Shardcast above this line is written against it; a driver
 * is right when it passes the conformance suite (`@shardcast/log/conformance`).
 */
export interface Log {
  /**
   * False while the log is known to be away; calls then fail at once instead of waiting. Turns true again by
   * itself when the log is back.
   */
  readonly available: boolean;

  /**
   * Creates the topics that are missing and verifies those that exist. Safe to call from many processes at once.
   *
   * @throws {ShardcastError} SHARDCAST_TOPIC_MISMATCH when an existing topic has another number of partitions or
   *   another cleanup policy, naming all that differ; SHARDCAST_LOG_UNAVAILABLE; SHARDCAST_LOG_REFUSED
   */
  ensureTopics(specs: readonly TopicSpec[]): Promise<void>;

  /**
   * How many partitions a topic has; undefined when there is no such topic.
   *
   * @throws {ShardcastError} SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_LOG_REFUSED
   */
  partitionsOf(topic: string): Promise<number | undefined>;

  /**
   * What each partition of a topic holds, by partition. `high` counts everything appended, also what is not committed
   * yet.
   *
   * @throws {ShardcastError} SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_LOG_REFUSED
   */
  rangesOf(topic: string): Promise<readonly OffsetRange[]>;

  /**
   * What was committed last for the lanes of a service, by lane; a lane that nobody committed has no entry.
   *
   * @throws {ShardcastError} SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_LOG_REFUSED
   */
  progressOf(service: string, topic: string): Promise<ReadonlyMap<number, LaneProgress>>;

  /**
   * Appends one record, durably (C3: it is confirmed by every in-sync replica when the promise resolves), and
   * returns its offset. Calls made one after another for one partition land in that order, also without waiting
   * for each. Concurrent calls are sent together.
   *
   * @throws {ShardcastError} SHARDCAST_LOG_UNAVAILABLE (the record may nevertheless be on the log);
   *   SHARDCAST_BODY_TOO_LARGE; SHARDCAST_LOG_REFUSED; SHARDCAST_OVERLOADED; SHARDCAST_CLOSED
   */
  append(record: AppendRecord): Promise<{ readonly offset: number }>;

  /**
   * Whether a record is one that the log takes.
   *
   * @throws {ShardcastError} SHARDCAST_BODY_TOO_LARGE
   */
  assertFits(record: AppendRecord): void;

  /** Opens a reader over all partitions of the topics, none of them started. */
  openReader(options: ReaderOptions): Promise<LogReader>;

  /**
   * Begins a session and fences the older one of the same service and member: from here on that one's commits fail
   * (C2), and what it had begun is settled: visible to everybody, or never.
   *
   * @throws {ShardcastError} SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_LOG_REFUSED, SHARDCAST_CLOSED
   */
  openSession(options: SessionOptions): Promise<MemberSession>;

  /** Sends what was appended, closes readers and sessions, and leaves. Idempotent. */
  close(): Promise<void>;
}
