import { ShardcastError } from "@shardcast/protocol/errors";
import type { Answer } from "../answer.ts";
import { encodeBody } from "../body.ts";
import { timeoutOf, waitOf } from "../durations.ts";
import type { Body } from "../options.ts";
import { broadcastPath, broadcastsPath } from "../paths.ts";
import { Polling } from "../polling.ts";
import { randomName } from "../random-name.ts";
import { requestHeaders } from "../request-headers.ts";
import { type Backoff, once, retried } from "../retry.ts";
import type { Scope, Scopes } from "../scopes.ts";
import type { Ask, Transport } from "../transport.ts";
import {
  type AcceptedBroadcast,
  readAcceptedBroadcast,
  readBroadcastStatus,
  readCancelled,
  readPage,
} from "./answers.ts";
import type {
  Broadcast,
  BroadcastChange,
  BroadcastEventOptions,
  BroadcastOptions,
  BroadcastPage,
  BroadcastQuery,
  BroadcastStatus,
  BroadcastStatusOptions,
  BroadcastsApi,
} from "./api.ts";
import { changesOf } from "./changes.ts";
import { assertAfter, listQuery, sendQuery } from "./parameters.ts";
import { SentBroadcast } from "./sent.ts";

export interface GatewayBroadcastsParts {
  readonly transport: Transport;
  readonly scopes: Scopes;
  readonly backoff: () => Backoff;
}

type RedriveOptions = Parameters<BroadcastsApi["redrive"]>[2];

/** The broadcasts of all services, over HTTP. */
export class GatewayBroadcasts implements BroadcastsApi {
  readonly #parts: GatewayBroadcastsParts;

  constructor(parts: GatewayBroadcastsParts) {
    this.#parts = parts;
  }

  async send(service: string, body: Body, options: BroadcastOptions): Promise<Broadcast> {
    const timeoutMs = timeoutOf(options);
    const path = `${broadcastsPath(service)}${sendQuery(options)}`;
    const encoded = encodeBody(body);
    // What is sent twice must be one broadcast all the same (C5).
    const { idempotencyKey = randomName() } = options;
    const headers = requestHeaders({ ...options, idempotencyKey }, encoded.contentType);
    const ask: Ask = { method: "POST", path, headers, body: encoded.bytes };
    const untilMs = Date.now() + timeoutMs;
    const { transport, scopes, backoff } = this.#parts;
    const accepted = await scopes.run(options.signal, (scope) => {
      const attempt = () => transport.call(ask, scope, readAcceptedBroadcast);
      return retried(attempt, scope, { backoff: backoff(), untilMs });
    });
    // Nobody else knows a name that was made here: it was this call that was accepted before.
    const replayed = accepted.replayed && options.idempotencyKey !== undefined;
    return this.#wait(service, { ...accepted, replayed }, timeoutMs, options.signal);
  }

  async redrive(service: string, id: string, options: RedriveOptions = {}): Promise<Broadcast> {
    const timeoutMs = timeoutOf(options);
    const path = `${broadcastPath(service, id)}/redrive${sendQuery(options)}`;
    // Not tried again: sent twice it would be two.
    const accepted = await this.#ask({ method: "POST", path }, options.signal, readAcceptedBroadcast);
    return this.#wait(service, accepted, timeoutMs, options.signal);
  }

  async status(service: string, id: string, options: BroadcastStatusOptions = {}): Promise<BroadcastStatus> {
    const waitMs = waitOf(options);
    const path = broadcastPath(service, id);
    return this.#parts.scopes.run(options.signal, (scope) => {
      const polling = this.#polling(path, scope);
      return waitMs === undefined ? once(polling.ask()) : polling.until(Date.now() + waitMs);
    });
  }

  async *events(
    service: string,
    id: string,
    { after, signal }: BroadcastEventOptions = {},
  ): AsyncGenerator<BroadcastChange, void, undefined> {
    assertAfter(after);
    const path = broadcastPath(service, id);
    const { scopes } = this.#parts;
    const scope = scopes.begin(signal);
    try {
      yield* this.#changes(path, scope, { after });
    } catch (error) {
      // Who ends them, or closes, is not told that he did.
      if (error !== scope.error) throw error;
    } finally {
      scopes.end(scope);
    }
  }

  async list(service: string, query: BroadcastQuery = {}): Promise<BroadcastPage> {
    const path = `${broadcastsPath(service)}${listQuery(query)}`;
    return this.#ask({ method: "GET", path }, undefined, readPage);
  }

  async cancel(service: string, id: string): Promise<void> {
    await this.#ask({ method: "DELETE", path: broadcastPath(service, id) }, undefined, readCancelled);
  }

  #wait(
    service: string,
    accepted: AcceptedBroadcast,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Broadcast {
    const { scopes } = this.#parts;
    const { id } = accepted.status;
    const path = broadcastPath(service, id);
    const scope = scopes.begin(signal);
    return new SentBroadcast(accepted, {
      timeoutMs,
      scope,
      endScope: () => {
        scope.endBy(nobodyWaits());
        scopes.end(scope);
      },
      // It was accepted: a gateway that can not be reached for now is asked again.
      changes: () => this.#changes(path, scope, { after: undefined, begun: true }),
      decided: () => this.#polling(path, scope).until(Number.POSITIVE_INFINITY),
      cancel: () => this.cancel(service, id),
    });
  }

  #changes(
    path: string,
    scope: Scope,
    options: { readonly after: number | undefined; readonly begun?: boolean },
  ): AsyncGenerator<BroadcastChange, void, undefined> {
    const { transport, backoff } = this.#parts;
    return changesOf({ path: `${path}/events`, transport, scope, backoff: backoff(), ...options });
  }

  #polling(path: string, scope: Scope): Polling<BroadcastStatus> {
    const isEnd = ({ verdict }: BroadcastStatus) => verdict !== "open";
    return new Polling({ ...this.#parts, path, scope, read: readBroadcastStatus, isEnd });
  }

  #ask<T>(ask: Ask, signal: AbortSignal | undefined, read: (answer: Answer) => T | undefined): Promise<T> {
    const { transport, scopes } = this.#parts;
    return scopes.run(signal, (scope) => once(transport.call(ask, scope, read)));
  }
}

/** Ends the stream of a wait that is over; nobody sees it. */
function nobodyWaits(): ShardcastError {
  return new ShardcastError("SHARDCAST_ABORTED", "nobody waits for the broadcast any longer");
}
