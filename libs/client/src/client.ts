import { randomUUID } from "node:crypto";
import { type Directory, openDirectory } from "@shardcast/control";
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
import type { Client } from "./client-api.ts";
import { closedError } from "./closed-error.ts";
import type { Body, ConnectOptions, Reply, RequestOptions, SendOptions } from "./options.ts";
import { type Owner, ownerIn, type Shards, shardsIn } from "./ownership.ts";
import { type Lane, Pending } from "./pending.ts";
import { PerService } from "./per-service.ts";
import { ReplyListener } from "./replies.ts";
import { laneFor, type Route, Routes } from "./routes.ts";
import { type WatchOptions, watchDirectory } from "./watch.ts";

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_PENDING = 10_000;
/** Longest time-out a timer can hold. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

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
  readonly #listeners = new PerService<ReplyListener>();
  readonly #directories = new PerService<Directory>();
  readonly #closing = new AbortController();
  #staleReplies = 0;

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

  get staleReplies(): number {
    return this.#staleReplies;
  }

  async prepare(service: string): Promise<void> {
    await this.#listen(await this.#routes.get(service));
  }

  // Not async, nor is #publish: a frame that waits would keep the body in memory all the while (C7).
  request(service: string, key: ShardKey, body?: Body, options: RequestOptions = {}): Promise<Reply> {
    try {
      const deadlineMs = Date.now() + timeoutOf(options);
      const route = this.#routes.known(service);
      const listener = this.#listeners.known(service);
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

  directory(service: string): Promise<Directory> {
    const { log, topicPrefix = "", logger } = this.#options;
    const options = { service, topicPrefix, ...(logger === undefined ? {} : { logger }) };
    return this.#directories.get(service, () => openDirectory(log, options));
  }

  async owner(service: string, key: ShardKey): Promise<Owner> {
    const route = await this.#routes.get(service);
    const lane = laneFor(route, validKey(key));
    return ownerIn(route, (await this.directory(service)).state, lane);
  }

  async shards(service: string): Promise<Shards> {
    const route = await this.#routes.get(service);
    return shardsIn(route, (await this.directory(service)).state);
  }

  async *watch(service: string, { signal }: WatchOptions = {}): AsyncGenerator<Shards, void, undefined> {
    const route = await this.#routes.get(service);
    const directory = await this.directory(service);
    const ends = [this.#closing.signal, ...(signal === undefined ? [] : [signal])];
    yield* watchDirectory(directory, () => shardsIn(route, directory.state), ends);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#pending.failAll(closedError());
    await Promise.all([this.#listeners.close(), this.#directories.close()]);
  }

  #compose(
    route: Route,
    key: ShardKey,
    body: Body,
    { handler = "", contentType, headers = {}, traceparent }: SendOptions,
    waiting: { deadlineMs?: number; replyTo?: ReplyAddress },
  ): { request: RequestEnvelope; lane: number } {
    if (this.#closing.signal.aborted) throw closedError();
    const bytes = validKey(key);
    assertHandlerName(handler);
    assertUserHeaders(headers);
    const lane = laneFor(route, bytes);
    const encoded = encodeBody(body);
    const type = contentType ?? encoded.contentType;
    const request: Mutable<RequestEnvelope> = {
      ...waiting,
      id: newRequestId(lane),
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
    const { log, logger } = this.#options;
    const onStale = () => {
      this.#staleReplies++;
    };
    return this.#listeners.get(route.service, () =>
      ReplyListener.open(log, route, { instance: this.#instance, pending: this.#pending, onStale, logger }),
    );
  }
}

function validKey(key: ShardKey): Uint8Array {
  const bytes = keyBytes(key);
  if (bytes.byteLength === 0) throw new ShardcastError("SHARDCAST_INVALID_KEY", "key: must not be empty");
  assertKeyLength(bytes);
  return bytes;
}

function timeoutOf({ timeoutMs = DEFAULT_TIMEOUT_MS }: RequestOptions): number {
  if (Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS) return timeoutMs;
  throw new ShardcastError(
    "SHARDCAST_INVALID_REQUEST",
    `timeoutMs: 1 to ${MAX_TIMEOUT_MS}, got ${timeoutMs}`,
  );
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
