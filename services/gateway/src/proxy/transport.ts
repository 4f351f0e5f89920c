import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { LookupFunction } from "node:net";
import type { Readable } from "node:stream";
import { Agent, type Dispatcher } from "undici";
import { answerHeaders } from "./headers.ts";

export interface TransportOptions {
  readonly connections: number;
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly lookup: LookupFunction;
}

/** What the plugin asks an undici dispatcher for, and what it makes of the answer. */
interface Asked {
  readonly origin: string;
  readonly path: string;
  readonly method: Dispatcher.HttpMethod;
  readonly headers: { readonly [SENDING]: Sending };
  readonly body?: IncomingMessage | Buffer | string;
  readonly headersTimeout?: number;
}

interface Answered {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: UpstreamAnswer;
}

/** So few bytes cost less as a copy than as a second buffer to write. */
const SMALL = 4_096;

type Callback = (error: Error | null, answer?: Answered) => void;

/** Nothing of the request has left: whoever it was for can not have seen it, whatever its method. */
export class NotSent extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
    this.name = "NotSent";
  }
}

/** Instead of the headers of a request. No header, since it has no name, and kept by who copies them. */
export const SENDING = Symbol("sending");

/** What the transport is told past the plugin. */
export interface Sending {
  /** Who is to get the answer. */
  readonly caller: ServerResponse;
  /** Names and values by turns. */
  readonly headers: string[];
}

/**
 * What `@fastify/reply-from` sends requests with: undici's pools, asked by `dispatch`, so that an answer goes from socket to socket
 * without a stream in between, and a body that was not begun to be sent can be sent to somebody else.
 */
export class Transport {
  readonly #agent: Agent;
  /** Read by the plugin, as of its own options. */
  readonly headersTimeout: number;

  constructor({ connections, connectTimeoutMs, headersTimeoutMs, idleTimeoutMs, lookup }: TransportOptions) {
    this.headersTimeout = headersTimeoutMs;
    this.#agent = new Agent({
      connections,
      allowH2: false,
      headersTimeout: headersTimeoutMs,
      bodyTimeout: idleTimeoutMs,
      connect: { lookup, timeout: connectTimeoutMs },
    });
  }

  readonly request = (asked: Asked, callback: Callback): void => {
    const { origin, path, method, body, headersTimeout } = asked;
    const { caller, headers } = asked.headers[SENDING];
    this.#agent.dispatch(
      {
        origin,
        path,
        method,
        headers,
        body: sendable(body),
        headersTimeout: headersTimeout ?? this.headersTimeout,
      },
      new UpstreamAnswer(caller, callback),
    );
  };

  /** Cuts what is under way. */
  async destroy(): Promise<void> {
    await this.#agent.destroy();
  }
}

type Sendable = Buffer | Readable | string | null;

/** Not the stream itself: undici destroys each when it is done with it, sent or not, and takes its socket from it, which is still the caller's. */
function sendable(body: Asked["body"]): Sendable {
  if (body === undefined || body === "") return null;
  if (typeof body === "string" || Buffer.isBuffer(body)) return body;
  return body.iterator({ destroyOnReturn: false }) as unknown as Readable;
}

/** The answer of an upstream, on its way to the caller. */
export class UpstreamAnswer implements Dispatcher.DispatchHandler {
  readonly #raw: ServerResponse;
  readonly #callback: Callback;
  #controller: Dispatcher.DispatchController | undefined;
  #begun = false;
  #sending = false;
  /** Its head has left, or does with what is written. */
  #flushed = false;
  /** Bytes of the body that are to come; NaN where nobody says. */
  #left = Number.NaN;
  #ended = false;

  constructor(raw: ServerResponse, callback: Callback) {
    this.#raw = raw;
    this.#callback = callback;
    raw.on("close", this.#onClose);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // It may have waited long for a connection.
    if (this.#raw.destroyed) controller.abort(left());
    else this.#controller = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: IncomingHttpHeaders,
  ): void {
    // What is said before the answer is the connection's affair.
    if (statusCode < 200) return;
    this.#begun = true;
    this.#callback(null, { statusCode, headers, body: this });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#sending) return;
    const raw = this.#raw;
    this.#flushed = true;
    this.#left -= chunk.byteLength;
    if (this.#left === 0) {
      // With its last bytes: one write instead of two.
      this.#ended = true;
      // Of a text Node makes one piece with the head.
      if (chunk.byteLength <= SMALL) raw.end(chunk.toString("latin1"), "latin1");
      else raw.end(chunk);
    } else if (!raw.write(chunk)) {
      controller.pause();
      raw.once("drain", () => controller.resume());
    }
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    const raw = this.#raw;
    if (!this.#sending) raw.off("close", this.#onClose);
    if (!this.#sending || this.#ended) return;
    this.#flushed = true;
    for (const _ in trailers) {
      raw.addTrailers(trailers as Record<string, string>);
      break;
    }
    raw.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (!this.#begun) {
      this.#raw.off("close", this.#onClose);
      this.#callback(this.#controller === undefined ? new NotSent(error) : error);
      return;
    }
    // The caller must not take a part for the whole.
    if (this.#sending && !this.#ended) this.#raw.destroy();
  }

  /** Sends it on. @throws what Node throws for headers that are no HTTP */
  send(request: IncomingMessage, status: number, headers: IncomingHttpHeaders): void {
    const flat = answerHeaders(headers);
    // Where the next request begins is known only when this one's body has come.
    if (!request.complete) flat.push("connection", "close");
    this.#raw.writeHead(status, flat);
    this.#sending = true;
    // Most bodies come with their head, and then both leave together; who has none yet may be waited for (events).
    process.nextTick(this.#flush);
    const length = headers["content-length"];
    const bodyless = request.method === "HEAD" || status === 204 || status === 304;
    if (length !== undefined && !bodyless) this.#left = Number(length);
  }

  /** For nobody. Called by the plugin as well, when the caller has left. */
  destroy(): void {
    this.#raw.off("close", this.#onClose);
    this.#controller?.abort(left());
  }

  readonly #flush = (): void => {
    if (!this.#flushed && !this.#raw.destroyed) this.#raw.flushHeaders();
  };

  readonly #onClose = (): void => {
    if (!this.#raw.writableFinished) this.destroy();
  };
}

function left(): Error {
  return new Error("nobody waits for the answer");
}
