import type { Log } from "../log.ts";

/** What a driver claims; tests that need a feature it does not have are skipped. */
export interface LogFeatures {
  /** Records and progress outlive every connection. */
  readonly persistent: boolean;
  /** The fixture can interrupt the log: it has `interrupt`. */
  readonly outages: boolean;
  /** The largest record it takes, in bytes; tests keep a tenth away from it on both sides. */
  readonly maxRecordBytes: number;
}

/** A log to try. One serves the whole suite: each test makes topics of its own. */
export interface LogFixture {
  /** Opens another connection, as another process would. */
  open(): Promise<Log>;
  /** A name that no test used before. */
  topicName(): string;
  /** Makes the log unreachable for every connection; the returned function brings it back. */
  interrupt?(): Promise<() => Promise<void>>;
  /** Called once, after all connections are closed. */
  close(): Promise<void>;
}

export interface ConformanceOptions {
  /** The driver's name, for the report. */
  readonly name: string;
  readonly features: LogFeatures;
  readonly setUp: () => Promise<LogFixture>;
}
