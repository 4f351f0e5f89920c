import type { Broadcasts } from "@shardcast/broadcasts";
import type { Directory } from "@shardcast/control";
import type { Results } from "@shardcast/results";
import type { ShardKey } from "@shardcast/routing";
import type { Broadcast, BroadcastOptions, BroadcastsApi } from "./broadcasts/api.ts";
import type {
  Body,
  EventOptions,
  Reply,
  RequestOptions,
  ResultOptions,
  SendOptions,
  SubmitOptions,
  Submitted,
} from "./options.ts";
import type { Owner, Shards } from "./ownership.ts";
import type { RequestStatus } from "./status.ts";
import type { WatchOptions } from "./watch.ts";

export interface Client {
  /**
   * Gets ready to call a service: finds its lanes and listens for its replies. The first request to a service does the
   * same, so this is for who wants to know before it, or not to let it wait. May be called again, also after it failed.
   *
   * @throws {ShardcastError} SHARDCAST_UNKNOWN_SERVICE when the service has no topics, SHARDCAST_TOPIC_MISMATCH when it
   *   has not as many lanes as configured, SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_LOG_REFUSED, SHARDCAST_INVALID_REQUEST,
   *   SHARDCAST_CLOSED
   */
  prepare(service: string): Promise<void>;

  /**
   * Sends a request to the owner of the key and waits for its answer. With an idempotency key the outcome is recorded, so
   * that who repeats the request gets it again (C5).
   *
   * @throws {ShardcastError} what ended it, with the request's id as `extensions.requestId` once it had one: what the
   *   handler failed with, or SHARDCAST_DEADLINE_EXCEEDED, SHARDCAST_ABORTED, SHARDCAST_CANCELLED,
   *   SHARDCAST_IDEMPOTENCY_MISMATCH,
   *   SHARDCAST_CLOSED, SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_OVERLOADED, SHARDCAST_LANE_BUSY, SHARDCAST_KEY_BUSY,
   *   SHARDCAST_BODY_TOO_LARGE, SHARDCAST_INVALID_KEY, SHARDCAST_INVALID_REQUEST, SHARDCAST_UNKNOWN_SERVICE
   */
  request(service: string, key: ShardKey, body?: Body, options?: RequestOptions): Promise<Reply>;

  /** Puts an event for the key on the log, durably; nobody answers. Resolves to its id once it is accepted (C3). */
  send(service: string, key: ShardKey, body?: Body, options?: SendOptions): Promise<{ readonly id: string }>;

  /**
   * Puts a request on the log that is asked for later, by its id: its progress and outcome are recorded. Resolves once it is
   * accepted (C3), or with `waitMs` once it has been answered, or that time is over as well.
   *
   * Whether an idempotency key was used for another request is found out only once that one has ended, or by waiting.
   *
   * @throws {ShardcastError} as {@link request}; what the handler failed with only with `waitMs`
   */
  submit(service: string, key: ShardKey, body?: Body, options?: SubmitOptions): Promise<Submitted>;

  /**
   * What is known of a recorded request. Until everything is done that was on its lane when it was first asked for, an id of
   * which nothing is recorded is `pending`.
   *
   * @throws {ShardcastError} SHARDCAST_UNKNOWN_REQUEST, SHARDCAST_ABORTED, SHARDCAST_UNKNOWN_SERVICE,
   *   SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_LOG_REFUSED, SHARDCAST_INVALID_REQUEST, SHARDCAST_CLOSED
   */
  result(service: string, id: string, options?: ResultOptions): Promise<RequestStatus>;

  /**
   * What is known of a recorded request now, and what comes, until it has ended, the signal fires or the client closes. Who
   * reads slowly may miss what lies between, never the end. @throws as {@link result}
   */
  events(service: string, id: string, options?: EventOptions): AsyncIterable<RequestStatus>;

  /**
   * Wants a request not to start, or to be stopped. Resolves once that is on the log: it may nevertheless end in another way,
   * and its outcome says which.
   *
   * @throws {ShardcastError} SHARDCAST_ALREADY_ENDED, and as {@link result}
   */
  cancel(service: string, id: string): Promise<void>;

  /**
   * How recorded requests of a service ended, kept up to date from now on: in a file, with all that is within the retention.
   * Shared by all who ask, and closed by this client alone. From then on, a request with an idempotency key is answered by its
   * record as well, should its reply be lost.
   */
  results(service: string): Promise<Results>;

  /**
   * Tells every member of the service: resolves once it is on the log (C6), with what comes of it at each of them. Members that
   * are down act on it when they are back, until `ttlMs` is over.
   *
   * @throws {ShardcastError} SHARDCAST_NO_MEMBERS; SHARDCAST_INVALID_REQUEST that names the option, also for more
   *   acknowledgements than members; SHARDCAST_IDEMPOTENCY_MISMATCH, SHARDCAST_ABORTED, SHARDCAST_UNKNOWN_SERVICE, also when
   *   the service has no topics for broadcasts, SHARDCAST_OVERLOADED, SHARDCAST_BODY_TOO_LARGE, SHARDCAST_LOG_UNAVAILABLE,
   *   SHARDCAST_LOG_REFUSED, SHARDCAST_CLOSED
   */
  broadcast(service: string, body?: Body, options?: BroadcastOptions): Promise<Broadcast>;

  /** What has become of broadcasts, whoever sent them. */
  readonly broadcasts: BroadcastsApi;

  /**
   * The broadcasts of a service, kept up to date from now on; not all of them are known before their `restored`. Shared by all
   * who ask, and closed by this client alone. The first broadcast to a service does the same, so this is for who wants to be
   * ready before it, and for who keeps them (`broadcastKeeper`).
   *
   * @throws {ShardcastError} SHARDCAST_UNKNOWN_SERVICE, SHARDCAST_TOPIC_MISMATCH, SHARDCAST_INVALID_CONFIG,
   *   SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_LOG_REFUSED, SHARDCAST_INVALID_REQUEST, SHARDCAST_CLOSED
   */
  followBroadcasts(service: string): Promise<Broadcasts>;

  /**
   * Who has the key's lane, for who sends to the owner himself. Neither this nor what follows listens for replies.
   *
   * @throws {ShardcastError} SHARDCAST_UNKNOWN_SERVICE, SHARDCAST_INVALID_KEY, SHARDCAST_INVALID_REQUEST, also for a service
   *   without durable members,
   *   SHARDCAST_TOPIC_MISMATCH, SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_LOG_REFUSED, SHARDCAST_CLOSED
   */
  owner(service: string, key: ShardKey): Promise<Owner>;

  /** Who has which lane of a service. @throws as {@link owner} */
  shards(service: string): Promise<Shards>;

  /**
   * Who has the key's lane now, and again after each change of that, until the signal fires or the client closes. Who reads slowly
   * gets the newest, not each. @throws as {@link owner}
   */
  watchOwner(service: string, key: ShardKey, options?: WatchOptions): AsyncIterable<Owner>;

  /** The same of all lanes, and of the members. @throws as {@link owner} */
  watchShards(service: string, options?: WatchOptions): AsyncIterable<Shards>;

  /** Another name of {@link watchShards}. */
  watch(service: string, options?: WatchOptions): AsyncIterable<Shards>;

  /** What `S.control` says of a service, kept up to date. Shared by all who ask, and closed by this client alone. */
  directory(service: string): Promise<Directory>;

  /** Requests that wait for a reply now. */
  readonly pending: number;

  /** Replies that were dropped so far because their owner had lost the lane (C4). */
  readonly staleReplies: number;

  /** Ends every waiting request, and every wait for a broadcast, with SHARDCAST_CLOSED and stops listening. Idempotent; the log stays open. */
  close(): Promise<void>;
}
