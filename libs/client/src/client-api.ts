import type { Directory } from "@shardcast/control";
import type { ShardKey } from "@shardcast/routing";
import type { Body, Reply, RequestOptions, SendOptions } from "./options.ts";
import type { Owner, Shards } from "./ownership.ts";
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
   * Sends a request to the owner of the key and waits for its answer.
   *
   * @throws {ShardcastError} what ended it, with the request's id as `extensions.requestId` once it had one: what the
   *   handler failed with, or SHARDCAST_DEADLINE_EXCEEDED, SHARDCAST_ABORTED,
   *   SHARDCAST_CLOSED, SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_OVERLOADED, SHARDCAST_LANE_BUSY, SHARDCAST_BODY_TOO_LARGE,
   *   SHARDCAST_INVALID_KEY, SHARDCAST_INVALID_REQUEST, SHARDCAST_UNKNOWN_SERVICE
   */
  request(service: string, key: ShardKey, body?: Body, options?: RequestOptions): Promise<Reply>;

  /** Puts an event for the key on the log, durably; nobody answers. Resolves to its id once it is accepted (C3). */
  send(service: string, key: ShardKey, body?: Body, options?: SendOptions): Promise<{ readonly id: string }>;

  /**
   * Who has the key's lane, for who sends to the owner himself. Neither this nor what follows listens for replies.
   *
   * @throws {ShardcastError} SHARDCAST_UNKNOWN_SERVICE, SHARDCAST_INVALID_KEY, SHARDCAST_INVALID_REQUEST,
   *   SHARDCAST_TOPIC_MISMATCH, SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_LOG_REFUSED, SHARDCAST_CLOSED
   */
  owner(service: string, key: ShardKey): Promise<Owner>;

  /** Who has which lane of a service. @throws as {@link owner} */
  shards(service: string): Promise<Shards>;

  /**
   * Who has which lane now, and again after each change, until the signal fires or the client closes. Who reads slowly
   * gets the newest, not each. @throws as {@link owner}
   */
  watch(service: string, options?: WatchOptions): AsyncIterable<Shards>;

  /** What `S.control` says of a service, kept up to date. Shared by all who ask, and closed by this client alone. */
  directory(service: string): Promise<Directory>;

  /** Requests that wait for a reply now. */
  readonly pending: number;

  /** Replies that were dropped so far because their owner had lost the lane (C4). */
  readonly staleReplies: number;

  /** Ends every waiting request with SHARDCAST_CLOSED and stops listening. Idempotent; the log stays open. */
  close(): Promise<void>;
}
