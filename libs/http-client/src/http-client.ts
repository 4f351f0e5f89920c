import { ShardcastError } from "@shardcast/protocol/errors";
import type { Answer } from "./answer.ts";
import type { Attempt } from "./attempt.ts";
import { encodeBody } from "./body.ts";
import type { Broadcast, BroadcastOptions, BroadcastsApi } from "./broadcasts/api.ts";
import { GatewayBroadcasts } from "./broadcasts/gateway-broadcasts.ts";
import type { HttpClient } from "./client-api.ts";
import { deadlineOf, seconds, timeoutOf, waitOf } from "./durations.ts";
import type { EventStreamParts } from "./event-streams.ts";
import { statusEvents } from "./events.ts";
import type {
  BackoffOptions,
  Body,
  ConnectHttpOptions,
  EventOptions,
  Reply,
  RequestOptions,
  ResultOptions,
  ShardKey,
  SubmitOptions,
  Submitted,
  WatchOptions,
} from "./options.ts";
import { type Owner, ownerOf, readOwner, readShards, type Shards, shardsOf } from "./ownership.ts";
import { keyPath, ownerEventsPath, requestPath, shardsPath } from "./paths.ts";
import { Polling } from "./polling.ts";
import { randomName } from "./random-name.ts";
import { readAccepted, readReply, readSubmitted } from "./reply.ts";
import { requestHeaders } from "./request-headers.ts";
import { Backoff, once, resolveBackoff, retried } from "./retry.ts";
import { type Scope, Scopes } from "./scopes.ts";
import { type RequestStatus, readStatus } from "./status.ts";
import { ANSWER_MS, type Ask, Transport } from "./transport.ts";
import { watched } from "./watch.ts";

/** How long the gateway's own word on a time that is over, which names the request, may be under way. */
const LAST_WORD_MS = 1_000;

/**
 * A client over HTTP: for browsers, Deno, and whatever does not reach Kafka. Sends nothing yet.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG that names the option
 */
export function connectHttp({ retry = {}, ...options }: ConnectHttpOptions): HttpClient {
  return new GatewayClient(new Transport(options), resolveBackoff(retry));
}

class GatewayClient implements HttpClient {
  readonly #transport: Transport;
  readonly #pauses: Required<BackoffOptions>;
  readonly #scopes = new Scopes();
  readonly #broadcasts: GatewayBroadcasts;

  constructor(transport: Transport, pauses: Required<BackoffOptions>) {
    this.#transport = transport;
    this.#pauses = pauses;
    const backoff = () => this.#backoff();
    this.#broadcasts = new GatewayBroadcasts({ transport, scopes: this.#scopes, backoff });
  }

  get broadcasts(): BroadcastsApi {
    return this.#broadcasts;
  }

  async request(service: string, key: ShardKey, body?: Body, options: RequestOptions = {}): Promise<Reply> {
    const timeoutMs = timeoutOf(options);
    const { cancelOnAbort = false, retry = options.idempotencyKey !== undefined } = options;
    // What is sent twice must be one request all the same (C5).
    const idempotencyKey = options.idempotencyKey ?? (retry ? randomName() : undefined);
    const named = idempotencyKey === undefined ? options : { ...options, idempotencyKey };
    const path = keyPath(service, key, options.handler);
    const encoded = encodeBody(body);
    const headers = requestHeaders(named, encoded.contentType);
    const untilMs = Date.now() + timeoutMs;

    const attempt = (scope: Scope): Promise<Attempt<Reply>> => {
      const leftMs = Math.max(1, untilMs - Date.now());
      headers.set("request-timeout", seconds(leftMs));
      const limits = { limitMs: leftMs + LAST_WORD_MS, tooLate: () => timedOut(timeoutMs) };
      const ask = { method: "POST", path, headers, body: encoded.bytes, ...limits } as const;
      return this.#transport.call(ask, scope, readReply);
    };
    return this.#scopes.run(options.signal, (scope) => {
      if (!retry) return once(attempt(scope));
      // What is cancelled with its connection would only be answered by that.
      const mayRepeat = ({ lost }: { readonly lost: boolean }) => !(lost && cancelOnAbort);
      return retried(() => attempt(scope), scope, { backoff: this.#backoff(), untilMs, mayRepeat });
    });
  }

  async submit(service: string, key: ShardKey, body?: Body, options: SubmitOptions = {}): Promise<Submitted> {
    const deadlineMs = deadlineOf(options);
    const waitMs = waitOf(options);
    const path = keyPath(service, key, options.handler);
    const encoded = encodeBody(body);
    const headers = requestHeaders(options, encoded.contentType);
    headers.set("prefer", waitMs === undefined ? "respond-async" : `wait=${seconds(waitMs)}`);
    if (deadlineMs !== undefined) headers.set("request-timeout", seconds(deadlineMs));
    const limitMs = (waitMs ?? 0) + ANSWER_MS;
    const ask = { method: "POST", path, headers, body: encoded.bytes, limitMs } as const;
    return this.#scopes.run(options.signal, (scope) => once(this.#transport.call(ask, scope, readSubmitted)));
  }

  async result(service: string, id: string, options: ResultOptions = {}): Promise<RequestStatus> {
    const waitMs = waitOf(options);
    const path = requestPath(service, id);
    return this.#scopes.run(options.signal, (scope) => {
      const polling = this.#polling(id, path, scope);
      return waitMs === undefined ? once(polling.ask()) : polling.until(Date.now() + waitMs);
    });
  }

  async *events(
    service: string,
    id: string,
    { signal }: EventOptions = {},
  ): AsyncGenerator<RequestStatus, void, undefined> {
    const path = requestPath(service, id);
    yield* this.#following(signal, (parts) => {
      const end = () => this.#polling(id, path, parts.scope).until(Number.POSITIVE_INFINITY);
      return statusEvents({ ...parts, id, path: `${path}/events`, end });
    });
  }

  async cancel(service: string, id: string): Promise<void> {
    await this.#ask({ method: "DELETE", path: requestPath(service, id) }, readAccepted);
  }

  broadcast(service: string, body?: Body, options: BroadcastOptions = {}): Promise<Broadcast> {
    return this.#broadcasts.send(service, body, options);
  }

  async owner(service: string, key: ShardKey): Promise<Owner> {
    return this.#ask({ method: "GET", path: keyPath(service, key) }, readOwner);
  }

  async shards(service: string): Promise<Shards> {
    return this.#ask({ method: "GET", path: shardsPath(service) }, readShards);
  }

  async *watchOwner(
    service: string,
    key: ShardKey,
    { signal }: WatchOptions = {},
  ): AsyncGenerator<Owner, void, undefined> {
    const about = { path: ownerEventsPath(service, key), event: "owner", readItem: ownerOf };
    yield* this.#following(signal, (parts) => watched({ ...parts, ...about }));
  }

  async *watchShards(
    service: string,
    { signal }: WatchOptions = {},
  ): AsyncGenerator<Shards, void, undefined> {
    const about = { path: `${shardsPath(service)}/events`, event: "shards", readItem: shardsOf };
    yield* this.#following(signal, (parts) => watched({ ...parts, ...about }));
  }

  async close(): Promise<void> {
    this.#scopes.close();
  }

  #ask<T>(ask: Ask, read: (answer: Answer) => T | undefined): Promise<T> {
    return this.#scopes.run(undefined, (scope) => once(this.#transport.call(ask, scope, read)));
  }

  /** What comes, until the signal fires or the client closes. */
  async *#following<T>(
    signal: AbortSignal | undefined,
    follow: (parts: Pick<EventStreamParts<T>, "transport" | "scope" | "backoff">) => AsyncIterable<T>,
  ): AsyncGenerator<T, void, undefined> {
    const scope = this.#scopes.begin(signal);
    try {
      yield* follow({ transport: this.#transport, scope, backoff: this.#backoff() });
    } catch (error) {
      // Who ends it, or closes, is not told that he did.
      if (error !== scope.error) throw error;
    } finally {
      this.#scopes.end(scope);
    }
  }

  #polling(id: string, path: string, scope: Scope): Polling<RequestStatus> {
    return new Polling({
      path,
      transport: this.#transport,
      scope,
      backoff: () => this.#backoff(),
      read: (answer) => readStatus(id, answer),
      isEnd: ({ state }) => state === "ended",
    });
  }

  #backoff(): Backoff {
    return new Backoff(this.#pauses);
  }
}

function timedOut(timeoutMs: number): ShardcastError {
  return new ShardcastError("SHARDCAST_DEADLINE_EXCEEDED", `no reply within ${timeoutMs} ms`);
}
