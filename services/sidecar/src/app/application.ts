import { once } from "node:events";
import { connect } from "node:net";
import { Agent, type Dispatcher } from "undici";
import { neverReached } from "./never-reached.ts";

/** What the application has answered, read to its end or to the limit. */
export interface AppAnswer {
  readonly status: number;
  /** Lower-case names; what came several times is joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** There was more of the body; what is here is not used. */
  readonly tooLarge: boolean;
}

export interface AppRequest {
  /** Behind the application's URL; begins with a slash. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface ApplicationOptions {
  readonly url: URL;
  /** For all of a request: connection, sending, answer. Milliseconds. */
  readonly timeoutMs: number;
  /** Of an answer's body. */
  readonly maxReplyBytes: number;
}

/** How the application is: `gone` when nobody listens, `unwell` when somebody does and does not say 2xx in time. */
export type Health = "well" | "unwell" | "gone";

export interface PostOptions {
  /** Gives up the request: the application sees its connection end. */
  readonly signal: AbortSignal;
  /** For all of it, at most the application's own limit, milliseconds. */
  readonly timeoutMs: number;
}

/** Longest wait for an answer about health, milliseconds: who takes longer is not well. */
const HEALTH_TIMEOUT_MS = 5_000;
/** Longest time that a timer can hold. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The application beside this process. Redirects are not followed: they are an answer. */
export class Application {
  readonly #options: ApplicationOptions;
  // The time limit of a request is one for all of it; undici's own would be one for each part.
  readonly #agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });

  constructor(options: ApplicationOptions) {
    this.#options = options;
  }

  /** @throws what the connection failed with, see `neverReached`; a TimeoutError; the signal's reason */
  async post(
    { path, headers, body }: AppRequest,
    { signal: stopped, timeoutMs }: PostOptions,
  ): Promise<AppAnswer> {
    const { url, maxReplyBytes } = this.#options;
    const withinMs = Math.ceil(Math.min(timeoutMs, this.#options.timeoutMs, MAX_TIMER_MS));
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(withinMs)]);
    const answer = await this.#agent.request({
      origin: url.origin,
      path: `${url.pathname.replace(/\/+$/, "")}${path}${url.search}`,
      method: "POST",
      headers,
      body,
      signal,
    });
    return {
      ...(await readBody(answer.body, maxReplyBytes)),
      status: answer.statusCode,
      headers: joined(answer.headers),
    };
  }

  /** Whether this URL answers with 2xx; without one, whether anybody listens. @throws the signal's reason */
  async health(url: URL | undefined, stopped: AbortSignal): Promise<Health> {
    const limit = AbortSignal.timeout(Math.min(this.#options.timeoutMs, HEALTH_TIMEOUT_MS));
    const signal = AbortSignal.any([stopped, limit]);
    try {
      return url === undefined ? await this.#listens(signal) : await this.#answers(url, signal);
    } catch (error) {
      stopped.throwIfAborted();
      return neverReached(error) ? "gone" : "unwell";
    }
  }

  async #answers(url: URL, signal: AbortSignal): Promise<Health> {
    const target = { origin: url.origin, path: `${url.pathname}${url.search}`, method: "GET" } as const;
    const { statusCode, body } = await this.#agent.request({ ...target, signal });
    await body.dump({ limit: this.#options.maxReplyBytes, signal });
    return statusCode >= 200 && statusCode < 300 ? "well" : "unwell";
  }

  async #listens(signal: AbortSignal): Promise<Health> {
    const { hostname, port, protocol } = this.#options.url;
    const defaultPort = protocol === "https:" ? 443 : 80;
    // Without the brackets that a URL has around IPv6.
    const socket = connect(port === "" ? defaultPort : Number(port), hostname.replace(/^\[(.*)\]$/, "$1"));
    try {
      await once(socket, "connect", { signal });
      return "well";
    } finally {
      socket.destroy();
    }
  }

  /** Cuts what is under way. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

async function readBody(
  body: Dispatcher.ResponseData["body"],
  limit: number,
): Promise<Pick<AppAnswer, "body" | "tooLarge">> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    // Leaving the loop destroys the rest, and the connection with it: nobody knows how much would come (C7).
    if (size > limit) return { body: Buffer.alloc(0), tooLarge: true };
    chunks.push(chunk);
  }
  return { body: Buffer.concat(chunks, size), tooLarge: false };
}

function joined(headers: Dispatcher.ResponseData["headers"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name.toLowerCase(), Array.isArray(value) ? value.join(", ") : value]],
    ),
  );
}
