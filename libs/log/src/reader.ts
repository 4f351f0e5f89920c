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

export interface ReaderOptions {
  readonly topics: readonly string[];
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
   */
  start(topic: string, partition: number, from: number | "earliest" | "latest"): Promise<number>;

  /** Stops delivery of a partition at once, keeping its position. Does nothing for one not started. */
  pause(topic: string, partition: number): void;

  /** Goes on where {@link pause} stopped. */
  resume(topic: string, partition: number): void;

  /** Delivers nothing more and leaves. Idempotent. */
  close(): Promise<void>;
}
