import type { BroadcastChange, BroadcastPage, BroadcastQuery } from "@shardcast/broadcasts";
import type { BroadcastStatus, MemberOutcome } from "@shardcast/protocol";

export interface BroadcastOptions {
  /** Handler name; empty (default) for the default one. */
  readonly handler?: string;
  readonly contentType?: string;
  /** Headers that travel with it, lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly traceparent?: string;
  /** How many must acknowledge for the verdict `satisfied`: of the members expected. Default `all`. */
  readonly ack?: "all" | "quorum" | "none" | number;
  /** No member starts on it later than this, milliseconds. Default 1 hour. */
  readonly ttlMs?: number;
  /** 1 to 255 characters. Sent again with the same one, it is the same broadcast (C5). */
  readonly idempotencyKey?: string;
  /**
   * How long to wait for outcomes, milliseconds from when it was accepted; the broadcast itself goes on. Default 30,000.
   */
  readonly timeoutMs?: number;
  /** Ends the wait; the broadcast goes on. */
  readonly signal?: AbortSignal;
}

/** One that has acknowledged, with its reply. */
export type Acknowledged = Extract<MemberOutcome, { readonly state: "acked" }>;

/** How it stood when the wait was over: with a verdict, or `open` with the reason `deadline`. */
export type BroadcastEnd = BroadcastStatus & { readonly reason: NonNullable<BroadcastStatus["reason"]> };

/**
 * A broadcast that was accepted (C6), and what comes of it. Iterating gives each expected member's final outcome once, as it
 * comes, from the first on, and ends with the verdict or with the time. Each iteration begins anew.
 */
export interface Broadcast extends AsyncIterable<MemberOutcome> {
  readonly id: string;
  /** When it was accepted, or as it stands if it had been before. */
  readonly accepted: BroadcastStatus;
  /** It had been accepted before, with the same idempotency key. */
  readonly replayed: boolean;
  /**
   * Resolves with the verdict, or when the time is over. Rejects with SHARDCAST_ABORTED when the signal fires, SHARDCAST_CLOSED
   * when the client closes.
   */
  readonly ended: Promise<BroadcastEnd>;
  /** Gathers the replies, in the order in which they come, until the end. Rejects as {@link ended}, and with what the reducer throws. */
  reduce<T>(
    reducer: (sum: T, outcome: Acknowledged) => T,
    initial: T,
  ): Promise<{ readonly value: T; readonly end: BroadcastEnd }>;
  /** See {@link BroadcastsApi.cancel}. */
  cancel(): Promise<void>;
}

export interface BroadcastStatusOptions {
  /** Waits so long for the verdict, milliseconds. Default: not at all. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}

export interface BroadcastEventOptions {
  /** Only what has changed after this `seq`. Default: everything. */
  readonly after?: number;
  readonly signal?: AbortSignal;
}

/** What has become of broadcasts, whoever sent them. */
export interface BroadcastsApi {
  /** @throws {ShardcastError} SHARDCAST_UNKNOWN_BROADCAST, SHARDCAST_ABORTED, and as {@link list} */
  status(service: string, id: string, options?: BroadcastStatusOptions): Promise<BroadcastStatus>;

  /**
   * How it stands now, and each change, until something final is known of every member. Who reads slowly may miss what lies
   * between, never the last word about a member. @throws as {@link status}
   */
  events(service: string, id: string, options?: BroadcastEventOptions): AsyncIterable<BroadcastChange>;

  /**
   * @throws {ShardcastError} SHARDCAST_UNKNOWN_SERVICE, SHARDCAST_INVALID_REQUEST, SHARDCAST_LOG_UNAVAILABLE,
   *   SHARDCAST_LOG_REFUSED, SHARDCAST_CLOSED
   */
  list(service: string, query?: BroadcastQuery): Promise<BroadcastPage>;

  /** No further member begins with it. @throws {ShardcastError} SHARDCAST_ALREADY_ENDED, and as {@link status} */
  cancel(service: string, id: string): Promise<void>;

  /**
   * Sends it again, to those members alone that did not acknowledge and still exist.
   *
   * @throws {ShardcastError} SHARDCAST_NO_MEMBERS when there are none, and as {@link status}
   */
  redrive(
    service: string,
    id: string,
    options?: Pick<BroadcastOptions, "ack" | "ttlMs" | "timeoutMs" | "signal">,
  ): Promise<Broadcast>;
}
