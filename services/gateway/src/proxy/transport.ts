import type { IncomingMessage, ServerResponse } from "node:http";
import type { LookupFunction } from "node:net";
import type { Readable } from "node:stream";
import { Agent, type Dispatcher } from "undici";
import { ReadPool } from "./reads/read-pool.ts";
import { type AnswerCallback, UpstreamAnswer } from "./upstream-answer.ts";

export interface TransportOptions {
  readonly connections: number;
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly lookup: LookupFunction;
}

/** What the plugin asks an undici dispatcher for. Its path is not looked at. */
interface Asked {
  readonly origin: string;
  readonly method: Dispatcher.HttpMethod;
  readonly headers: { readonly [SENDING]: Sending };
  readonly body?: IncomingMessage | Buffer | string;
  readonly headersTimeout?: number;
}

/** Instead of the headers of a request. No header, since it has no name, and kept by who copies them. */
export const SENDING = Symbol("sending");

/** What the transport is told past the plugin. */
export interface Sending {
  /** Who is to get the answer. */
  readonly caller: ServerResponse;
  /** With its query. */
  readonly path: string;
  /** Names and values by turns. */
  readonly headers: string[];
}

/**
 * What `@fastify/reply-from` sends requests with: dispatchers of undici, asked by `dispatch`, so that an answer goes from socket to socket
 * without a stream in between, and a body that was not begun to be sent can be sent to somebody else.
 */
export class Transport {
  readonly #options: TransportOptions;
  readonly #agent: Agent;
  readonly #reads = new Map<string, ReadPool>();
  /** Read by the plugin, as of its own options. */
  readonly headersTimeout: number;

  constructor(options: TransportOptions) {
    const { connections, connectTimeoutMs, headersTimeoutMs, idleTimeoutMs, lookup } = options;
    this.#options = options;
    this.headersTimeout = headersTimeoutMs;
    this.#agent = new Agent({
      connections,
      allowH2: false,
      headersTimeout: headersTimeoutMs,
      bodyTimeout: idleTimeoutMs,
      connect: { lookup, timeout: connectTimeoutMs },
    });
  }

  readonly request = (asked: Asked, callback: AnswerCallback): void => {
    const { origin, method, headersTimeout = this.headersTimeout } = asked;
    const { caller, path, headers } = asked.headers[SENDING];
    const body = sendable(asked.body);
    const isRead = body === null && (method === "GET" || method === "HEAD") && origin.startsWith("http:");
    const dispatcher = isRead ? this.#readsAt(origin) : this.#agent;
    dispatcher.dispatch(
      { origin, path, method, headers, body, headersTimeout },
      new UpstreamAnswer(caller, callback),
    );
  };

  /** Cuts what is under way. */
  async destroy(): Promise<void> {
    await Promise.all([this.#agent.destroy(), ...[...this.#reads.values()].map((reads) => reads.destroy())]);
  }

  #readsAt(origin: string): ReadPool {
    const known = this.#reads.get(origin);
    if (known !== undefined) return known;
    const { connections, connectTimeoutMs, headersTimeoutMs, idleTimeoutMs, lookup } = this.#options;
    const pool = new ReadPool(origin, {
      connections,
      headersTimeout: headersTimeoutMs,
      bodyTimeout: idleTimeoutMs,
      connect: { lookup, timeout: connectTimeoutMs },
      onEmpty: () => this.#reads.delete(origin),
    });
    this.#reads.set(origin, pool);
    return pool;
  }
}

type Sendable = Buffer | Readable | string | null;

/** Not the stream itself: undici destroys each when it is done with it, sent or not, and takes its socket from it, which is still the caller's. */
function sendable(body: Asked["body"]): Sendable {
  if (body === undefined || body === "") return null;
  if (typeof body === "string" || Buffer.isBuffer(body)) return body;
  return body.iterator({ destroyOnReturn: false }) as unknown as Readable;
}
