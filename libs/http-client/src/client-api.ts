import type { Broadcast, BroadcastOptions, BroadcastsApi } from "./broadcasts/api.ts";
import type {
  Body,
  EventOptions,
  Reply,
  RequestOptions,
  ResultOptions,
  ShardKey,
  SubmitOptions,
  Submitted,
  WatchOptions,
} from "./options.ts";
import type { Owner, Shards } from "./ownership.ts";
import type { RequestStatus } from "./status.ts";

/**
 * What callers do with a service. The client of `@shardcast/client`, which speaks to the log itself, is one as well: who
 * takes this takes either.
 *
 * Every method rejects with SHARDCAST_LOG_UNAVAILABLE when the gateway can not be reached or does not answer,
 * SHARDCAST_LOG_REFUSED when somebody else answers in its place, SHARDCAST_UNKNOWN_SERVICE, SHARDCAST_OVERLOADED,
 * SHARDCAST_INVALID_REQUEST, SHARDCAST_CLOSED.
 */
export interface HttpClient {
  /**
   * Sends a request to the owner of the key and waits for its answer. With an idempotency key the outcome is recorded, so
   * that who repeats the request gets it again (C5).
   *
   * @throws {ShardcastError} what ended it, with the request's id as `extensions.requestId` where the gateway said it: what
   *   the handler failed with, or SHARDCAST_DEADLINE_EXCEEDED, SHARDCAST_ABORTED, SHARDCAST_CANCELLED,
   *   SHARDCAST_IDEMPOTENCY_MISMATCH, SHARDCAST_LANE_BUSY, SHARDCAST_BODY_TOO_LARGE, SHARDCAST_INVALID_KEY
   */
  request(service: string, key: ShardKey, body?: Body, options?: RequestOptions): Promise<Reply>;

  /**
   * Puts a request on the log that is asked for later, by its id: its progress and outcome are recorded. Resolves once it is
   * accepted (C3), or with `waitMs` once it has been answered, or that time is over as well.
   *
   * @throws {ShardcastError} as {@link request}; what the handler failed with only with `waitMs`
   */
  submit(service: string, key: ShardKey, body?: Body, options?: SubmitOptions): Promise<Submitted>;

  /**
   * What is known of a recorded request. Calls that fail on the way are made again within `waitMs`.
   *
   * @throws {ShardcastError} SHARDCAST_UNKNOWN_REQUEST, SHARDCAST_ABORTED
   */
  result(service: string, id: string, options?: ResultOptions): Promise<RequestStatus>;

  /**
   * What is known of a recorded request now, and what comes, until it has ended, the signal fires or the client closes. Who
   * reads slowly may miss what lies between, never the end. A stream that breaks is taken up again, for as long as it takes.
   *
   * @throws {ShardcastError} as {@link result}
   */
  events(service: string, id: string, options?: EventOptions): AsyncIterable<RequestStatus>;

  /**
   * Wants a request not to start, or to be stopped. Resolves once that is on the log: it may nevertheless end in another way,
   * and its outcome says which.
   *
   * @throws {ShardcastError} SHARDCAST_UNKNOWN_REQUEST, SHARDCAST_ALREADY_ENDED
   */
  cancel(service: string, id: string): Promise<void>;

  /**
   * Tells every member of the service: resolves once it is on the log (C6), with what comes of it at each of them. Members that
   * are down act on it when they are back, until `ttlMs` is over. What is lost on its way or back, or refused for now, is sent
   * again within `timeoutMs`, and is one broadcast all the same.
   *
   * @throws {ShardcastError} SHARDCAST_NO_MEMBERS; SHARDCAST_INVALID_REQUEST that names the option, also for more
   *   acknowledgements than members; SHARDCAST_IDEMPOTENCY_MISMATCH, SHARDCAST_ABORTED, SHARDCAST_BODY_TOO_LARGE
   */
  broadcast(service: string, body?: Body, options?: BroadcastOptions): Promise<Broadcast>;

  /** What has become of broadcasts, whoever sent them. */
  readonly broadcasts: BroadcastsApi;

  /**
   * Who has the key's lane and where that is, for who sends to the owner himself.
   *
   * @throws {ShardcastError} SHARDCAST_INVALID_KEY; SHARDCAST_INVALID_REQUEST for a service without durable members
   */
  owner(service: string, key: ShardKey): Promise<Owner>;

  /** Who has which lane of a service. */
  shards(service: string): Promise<Shards>;

  /**
   * Who has the key's lane now, and again after each change of that or of where it is, until the signal fires or the client closes.
   * Who reads slowly gets the newest, not each. A stream that breaks is taken up again, for as long as it takes.
   *
   * @throws {ShardcastError} as {@link owner}
   */
  watchOwner(service: string, key: ShardKey, options?: WatchOptions): AsyncIterable<Owner>;

  /** The same of all lanes, and of the members. */
  watchShards(service: string, options?: WatchOptions): AsyncIterable<Shards>;

  /** Ends every call that waits with SHARDCAST_CLOSED. Idempotent. */
  close(): Promise<void>;
}
