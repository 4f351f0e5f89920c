import { randomUUID } from "node:crypto";
import {
  asBuffer,
  assertHandlerName,
  assertKeyLength,
  assertUserHeaders,
  encodeRequest,
  fromProblem,
  newRequestId,
  type ReplyAddress,
  type ReplyEnvelope,
  type RequestEnvelope,
  ShardcastError,
} from "@shardcast/protocol";
import { keyBytes, type ShardKey } from "@shardcast/routing";
import { encodeBody } from "./body.ts";
import type { Body, ConnectOptions, Reply, RequestOptions, SendOptions } from "./options.ts";
import { Pending } from "./pending.ts";
import { ReplyListener } from "./replies.ts";
import { laneFor, type Route, Routes } from "./routes.ts";

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_PENDING = 10_000;
/** Longest time-out a timer can hold. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

export interface Client {
  /**
   * Sends a request to the owner of the key and waits for its answer.
   *
   * @throws {ShardcastError} what the handler failed with, or SHARDCAST_DEADLINE_EXCEEDED, SHARDCAST_ABORTED,
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

/** Connects to the services behind a log. Resolves when the services named in the options can be called. */
export async function connect(options: ConnectOptions): Promise<Client> {
  const client = new LogClient(options);
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
  }

  request(service: string, key: ShardKey, body?: Body, options: RequestOptions = {}): Promise<Reply> {
    return this.#publish(service, key, body, options).then(toReply);
  }

  /** Returns the answer instead of awaiting it: a frame that waits would keep the body in memory all the while (C7). */
  async #publish(
    service: string,
    key: ShardKey,
    body: Body,
    options: RequestOptions,
  ): Promise<ReplyEnvelope> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
    if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > MAX_TIMEOUT_MS) {
      throw new ShardcastError(
        "SHARDCAST_INVALID_REQUEST",
        `timeoutMs: 1 to ${MAX_TIMEOUT_MS}, got ${timeoutMs}`,
      );
    }
    const deadlineMs = Date.now() + timeoutMs;
    const found = this.#routes.get(service);
    const route = found instanceof Promise ? await found : found;
    const listener = this.#listening.get(service) ?? (await this.#listen(route));
    const { request, lane } = this.#compose(route, key, body, options, {
      deadlineMs,
      replyTo: listener.address,
    });
    // C4: the entry exists before the request is published, so no reply can come too early.
    const { id } = request;
    const answer = this.#pending.wait(id, { lane: `${service}/${lane}`, timeoutMs, signal });
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
    const encoded = encodeBody(body);
    const type = contentType ?? encoded.contentType;
    const request: RequestEnvelope = {
      id: newRequestId(),
      service: route.service,
      key: asBuffer(bytes),
      handler,
      attempt: 1,
      headers,
      body: encoded.bytes,
      ...waiting,
      ...(type === undefined ? {} : { contentType: type }),
      ...(traceparent === undefined ? {} : { traceparent }),
    };
    return { request, lane: laneFor(route, bytes) };
  }

  #append({ topics }: Route, lane: number, request: RequestEnvelope): Promise<unknown> {
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

function toReply({ id, status, error, contentType, headers, body }: ReplyEnvelope): Reply {
  if (error !== undefined) {
    throw fromProblem(body) ?? new ShardcastError(error, "the worker did not say more", { status });
  }
  return { id, status, headers, body, ...(contentType === undefined ? {} : { contentType }) };
}

function closed(): ShardcastError {
  return new ShardcastError("SHARDCAST_CLOSED", "the client is closed");
}
