import type { IncomingRecord } from "@shardcast/protocol";

/** A record as it lies on the log. */
export interface LogRecord extends IncomingRecord {
  readonly topic: string;
  readonly partition: number;
  /** Grows along the partition; not always by one (Kafka's control records and compaction leave gaps). */
  readonly offset: number;
  /** Epoch milliseconds, as the log stamped it. */
  readonly timestampMs: number;
}

/** Where to begin: at an offset, or at an end of what there is now. */
export type StartFrom = number | "earliest" | "latest";

export interface StartPosition {
  readonly topic: string;
  readonly partition: number;
  readonly from: StartFrom;
}

export interface ReaderOptions {
  readonly topics: readonly string[];
  /**
   * `committed` (default): only what sessions have committed. `uncommitted`: everything in the order it was written,
   * also what belongs to a commit that is not decided yet or was given up; no open commit holds such a reader up.
   */
  readonly isolation?: "committed" | "uncommitted";
  /**
   * Longest time a request may wait at the log for something new, milliseconds. An idle reader asks once in this time; a
   * partition that is started or resumed meanwhile may have to wait for it. Default 100.
   */
  readonly maxWaitMs?: number;
  /** Partitions to start with the first request, as {@link LogReader.start} would: nothing has to wait for a second one. */
  readonly start?: readonly StartPosition[];
  /**
   * Gets records of one partition in order, each exactly once per {@link LogReader.start}, whatever happens to the
   * connection. Must return at once and not throw: it hands over to queues, and the reader is slowed down by `pause`.
   */
  readonly onRecords: (records: readonly LogRecord[]) => void;
}

/** Reads chosen partitions. No group, no rebalance: what it reads is what it was told to start. */
export interface LogReader {
  /**
   * Starts (or starts again) a partition at an offset; `"latest"` is the end as it is when the promise resolves, so
   * nothing appended later is missed. Resolves to the offset it starts at. An offset that retention has already
   * removed moves up to the earliest one there is, which is logged.
   *
   * What was started before ends when this is called: nothing of it is delivered any more, also if this rejects. Of several
   * calls under way the last one counts, and a {@link pause} meanwhile counts as well.
   */
  start(topic: string, partition: number, from: StartFrom): Promise<number>;

  /** Stops delivery of a partition at once, keeping its position. Does nothing for one not started. */
  pause(topic: string, partition: number): void;

  /** Goes on where {@link pause} stopped. */
  resume(topic: string, partition: number): void;

  /**
   * Resolves when everything below the offset that this reader delivers was delivered. The partition must be started and
   * not paused.
   *
   * @throws {ShardcastError} SHARDCAST_CLOSED when the reader is closed before
   */
  reached(topic: string, partition: number, offset: number): Promise<void>;

  /** Delivers nothing more and leaves. Idempotent. */
  close(): Promise<void>;
}
