import type { AckMode, BroadcastStatus, MemberOutcome, UserHeaders } from "@shardcast/protocol";

/** A broadcast to be. */
export interface BroadcastDraft {
  /** Empty for the default handler. */
  readonly handler: string;
  readonly body: Buffer;
  readonly contentType?: string;
  readonly traceparent?: string;
  readonly headers?: UserHeaders;
  /** Default `all`. */
  readonly ack?: AckMode;
  /** No handler starts later than so many milliseconds from now. Default 1 hour; at most the retention. */
  readonly ttlMs?: number;
  /** Asked for again with the same one, it is the same broadcast (C5). */
  readonly idempotencyKey?: string;
}

export interface RedriveOptions {
  readonly ttlMs?: number;
  readonly ack?: AckMode;
}

export interface Published {
  readonly status: BroadcastStatus;
  /** It had been published before, with the same idempotency key. */
  readonly replayed: boolean;
}

export interface BroadcastQuery {
  /** `open`, or with a verdict. Default: all. */
  readonly state?: "open" | "ended";
  readonly handler?: string;
  /** Default 50, at most 500. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string;
}

export interface BroadcastPage {
  /** Newest first. */
  readonly items: readonly BroadcastStatus[];
  /** Absent on the last page. */
  readonly next?: string;
}

/** One change of a broadcast. `seq` grows by one from change to change, and is the same wherever it is followed. */
export interface BroadcastChange {
  readonly seq: number;
  /** Whose standing has changed: in the first one, that it was accepted, everybody's. */
  readonly members: readonly MemberOutcome[];
  /** Built when it is asked for, and as of then: it may know of later changes as well. */
  readonly status: BroadcastStatus;
}

/** Words on `S.acks` that did not count so far (C6). */
export interface DroppedAcks {
  /** Of broadcasts that nobody knows. */
  readonly unknown: number;
  /** Of members that are not expected. */
  readonly unexpected: number;
  /** Of a process that another one had replaced when it spoke, or of another incarnation. */
  readonly stale: number;
  /** After the final word about the member. */
  readonly late: number;
}

/**
 * The broadcasts of a service as this process knows them: `S.broadcast` and `S.acks`, folded and kept up to date. Everybody
 * folds the same records in the same order, and so says the same of a broadcast. Bounded (C7): the oldest with a verdict are
 * dropped first, and no new one is taken while too many are open.
 */
export interface Broadcasts {
  /**
   * Publishes a broadcast: resolves once it is on the log (C6) and known here. Whom it expects is what `S.control` says
   * when this is called, read to its end.
   *
   * @throws {ShardcastError} SHARDCAST_NO_MEMBERS; SHARDCAST_INVALID_REQUEST for a bad handler, `ttlMs`, or more
   *   acknowledgements than members; SHARDCAST_IDEMPOTENCY_MISMATCH; SHARDCAST_OVERLOADED while too many are open;
   *   SHARDCAST_BODY_TOO_LARGE; SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_LOG_REFUSED, SHARDCAST_CLOSED
   */
  publish(draft: BroadcastDraft): Promise<Published>;

  /**
   * Publishes it again, for those members alone that failed it, or that it expired or was cancelled for, and that still
   * exist. Read again from the log: the body is as it was.
   *
   * @throws {ShardcastError} SHARDCAST_UNKNOWN_BROADCAST; SHARDCAST_NO_MEMBERS when nobody is left to do it; as {@link publish}
   */
  redrive(id: string, options?: RedriveOptions): Promise<Published>;

  /**
   * No further member begins with it, those who have begun are told by their signal. Resolves once that is on the log.
   *
   * @throws {ShardcastError} SHARDCAST_UNKNOWN_BROADCAST; SHARDCAST_ALREADY_ENDED when everything final has been said;
   *   SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_LOG_REFUSED, SHARDCAST_CLOSED
   */
  cancel(id: string): Promise<void>;

  /** All that is known of it now. */
  get(id: string): BroadcastStatus | undefined;

  list(query?: BroadcastQuery): BroadcastPage;

  /** Members whose standing was last changed by a change after `seq`, and the newest `seq`; undefined for an unknown id. */
  since(id: string, seq: number): BroadcastChange | undefined;

  /** Calls the listener after each change, in order, until the returned function is called. It must not throw. */
  watch(id: string, listener: (change: BroadcastChange) => void): () => void;

  /**
   * Resolves when every broadcast is known that was on the log when it was called: another process may have accepted one just now.
   *
   * @throws {ShardcastError} SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_LOG_REFUSED, SHARDCAST_CLOSED
   */
  caughtUp(): Promise<void>;

  /** Resolves when everything is known that was on the log when it was opened; rejects when it is closed before. */
  readonly restored: Promise<void>;

  /** Broadcasts that are known. */
  readonly size: number;

  readonly dropped: DroppedAcks;

  /** Stops following. Idempotent; the log and the directory stay open. */
  close(): Promise<void>;
}
