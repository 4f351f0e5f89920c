import { randomUUID } from "node:crypto";
import {
  asBuffer,
  assertHandlerName,
  assertKeyLength,
  assertUserHeaders,
  encodeRequest,
  newRequestId,
  type ReplyAddress,
  type RequestEnvelope,
  ShardcastError,
} from "@shardcast/protocol";
import { keyBytes, type ShardKey } from "@shardcast/routing";
import { encodeBody } from "./body.ts";
import type { Body, ConnectOptions, Reply, RequestOptions, SendOptions } from "./options.ts";
import { type Lane, Pending } from "./pending.ts";
import { ReplyListener } from "./replies.ts";
import { laneFor, type Route, Routes } from "./routes.ts";

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_PENDING = 10_000;
/** Longest time-out a timer can hold. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

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

  /** Requests that wait for a reply now. */
  readonly pending: number;

  /** Ends every waiting request with SHARDCAST_CLOSED and stops listening. Idempotent; the log stays open. */
  close(): Promise<void>;
}

/**
 * Connects to the services behind a log. Resolves when the services named in the options can be called, unless
 * `prepareServices` is false.
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const client = new LogClient(options);
  if (options.prepareServices === false) return client;
  try {
    await Promise.all(Object.keys(options.services ?? {}).map((service) => client.prepare(service)));
  } catch (error) {
    await client.close();
    throw error;
  }
  return client;
}

class LogClient implements Client {
  readonly #options: ConnectOptions;
  readonly #instance: string;
  readonly #pending: Pending;
  readonly #routes: Routes;
  /** One listener a service, opened at its first request; by service name. */
  readonly #opening = new Map<string, Promise<ReplyListener>>();
  readonly #listening = new Map<string, ReplyListener>();
  #closed = false;

  constructor(options: ConnectOptions) {
    const maxPending = options.maxPending ?? DEFAULT_MAX_PENDING;
    this.#options = options;
    this.#instance = options.instance ?? randomUUID();
    this.#pending = new Pending({ maxPending, maxPendingPerLane: options.maxPendingPerLane ?? maxPending });
    this.#routes = new Routes(options.log, options.topicPrefix ?? "", options.services ?? {});
  }

  get pending(): number {
    return this.#pending.size;
  }

  async prepare(service: string): Promise<void> {
    await this.#listen(await this.#routes.get(service));
    // Closed meanwhile, and with it the listener.
    if (this.#closed) throw closed();
  }

  // Not async, nor is #publish: a frame that waits would keep the body in memory all the while (C7).
  request(service: string, key: ShardKey, body?: Body, options: RequestOptions = {}): Promise<Reply> {
    try {
      const deadlineMs = Date.now() + timeoutOf(options);
      const route = this.#routes.known(service);
      const listener = this.#listening.get(service);
      return route === undefined || listener === undefined
        ? this.#publishFirst(service, key, body, options, deadlineMs)
        : this.#publish(route, listener.address, key, body, options, deadlineMs);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Returns the answer instead of awaiting it, for the same reason. */
  async #publishFirst(
    service: string,
    key: ShardKey,
    body: Body,
    options: RequestOptions,
    deadlineMs: number,
  ): Promise<Reply> {
    const route = await this.#routes.get(service);
    const { address } = await this.#listen(route);
    return this.#publish(route, address, key, body, options, deadlineMs);
  }

  #publish(
    route: Route,
    replyTo: ReplyAddress,
    key: ShardKey,
    body: Body,
    options: RequestOptions,
    deadlineMs: number,
  ): Promise<Reply> {
    const { request, lane } = this.#compose(route, key, body, options, { deadlineMs, replyTo });
    const { id } = request;
    // C4: the entry exists before the request is published, so no reply can come too early.
    const answer = this.#pending.wait(id, {
      lane: route.lanes[lane] as Lane,
      timeoutMs: timeoutOf(options),
      signal: options.signal,
    });
    // The reply may overtake the log's confirmation, and the caller's time may run out before either.
    this.#append(route, lane, request).catch((error: unknown) => this.#pending.fail(id, error));
    return answer;
  }

  async send(
    service: string,
    key: ShardKey,
    body?: Body,
    options: SendOptions = {},
  ): Promise<{ id: string }> {
    const route = await this.#routes.get(service);
    const { request, lane } = this.#compose(route, key, body, options, {});
    await this.#append(route, lane, request);
    return { id: request.id };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#pending.failAll(closed());
    const opening = [...this.#opening.values()];
    this.#opening.clear();
    this.#listening.clear();
    const listeners = await Promise.allSettled(opening);
    await Promise.all(
      listeners.map((each) => (each.status === "fulfilled" ? each.value.close() : undefined)),
    );
  }

  #compose(
    route: Route,
    key: ShardKey,
    body: Body,
    { handler = "", contentType, headers = {}, traceparent }: SendOptions,
    waiting: { deadlineMs?: number; replyTo?: ReplyAddress },
  ): { request: RequestEnvelope; lane: number } {
    if (this.#closed) throw closed();
    const bytes = keyBytes(key);
    if (bytes.byteLength === 0) throw new ShardcastError("SHARDCAST_INVALID_KEY", "key: must not be empty");
    assertKeyLength(bytes);
    assertHandlerName(handler);
    assertUserHeaders(headers);
    const lane = laneFor(route, bytes);
    const encoded = encodeBody(body);
    const type = contentType ?? encoded.contentType;
    const request: Mutable<RequestEnvelope> = {
      ...waiting,
      id: newRequestId(),
      service: route.service,
      key: asBuffer(bytes),
      handler,
      attempt: 1,
      headers,
      body: encoded.bytes,
    };
    if (type !== undefined) request.contentType = type;
    if (traceparent !== undefined) request.traceparent = traceparent;
    return { request, lane };
  }

  /** Async, so that whatever goes wrong is a rejection. */
  async #append({ topics }: Route, lane: number, request: RequestEnvelope): Promise<unknown> {
    return this.#options.log.append({
      topic: topics.requests.name,
      partition: lane,
      ...encodeRequest(request),
    });
  }

  #listen(route: Route): Promise<ReplyListener> {
    if (this.#closed) throw closed();
    const { service } = route;
    const known = this.#opening.get(service);
    if (known !== undefined) return known;
    const { log, logger } = this.#options;
    const opening = ReplyListener.open(log, route, {
      instance: this.#instance,
      pending: this.#pending,
      logger,
    });
    this.#opening.set(service, opening);
    opening.then(
      (listener) => {
        if (!this.#closed) this.#listening.set(service, listener);
      },
      // The next request tries again.
      () => this.#opening.delete(service),
    );
    return opening;
  }
}

function timeoutOf({ timeoutMs = DEFAULT_TIMEOUT_MS }: RequestOptions): number {
  if (Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS) return timeoutMs;
  throw new ShardcastError(
    "SHARDCAST_INVALID_REQUEST",
    `timeoutMs: 1 to ${MAX_TIMEOUT_MS}, got ${timeoutMs}`,
  );
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function closed(): ShardcastError {
  return new ShardcastError("SHARDCAST_CLOSED", "the client is closed");
}
