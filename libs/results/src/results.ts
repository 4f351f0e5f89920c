import type { ResultEnd, ResultEnvelope } from "@shardcast/protocol";

/** What is known of a request now. */
export type ResultListener = (result: ResultEnvelope) => void;

/**
 * `S.results` as this process knows it, kept up to date: how recorded requests ended, and what those that did not are
 * doing. Bounded: bodies are in a file, and what is older than the retention is dropped (C7).
 */
export interface Results {
  /**
   * The newest that is known of a request: how it ended, once it has. What a later delivery says replaces what an earlier
   * one said (`delivery`); within one, an end is final, unless it `expired` and the request was sent again.
   */
  get(id: string): ResultEnvelope | undefined;

  /**
   * Calls the listener with each news of a request until the returned function is called, in order; not with what is
   * known already. It must not throw.
   */
  watch(id: string, listener: ResultListener): () => void;

  /**
   * Takes in what this process has just committed itself, before it is read back; for the lane's owner, whose next request
   * may be the same again (C5).
   */
  note(result: ResultEnd): void;

  /**
   * Resolves when everything of a lane is known that was on the log when it was called.
   *
   * @throws {ShardcastError} SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_LOG_REFUSED, SHARDCAST_CLOSED
   */
  caughtUp(lane: number): Promise<void>;

  /** Resolves when everything is known that was on the log when it was opened; rejects when it is closed before. */
  readonly restored: Promise<void>;

  /** Requests that are known; those of the last moments may be missing. */
  readonly size: number;

  /** How long results are kept, milliseconds. */
  readonly retentionMs: number;

  /** Stops following and removes the file. Idempotent; the log stays open. */
  close(): Promise<void>;
}
