import { Agent, type Dispatcher } from "undici";

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

/** The application beside this process. Redirects are not followed: they are an answer. */
export class Application {
  readonly #options: ApplicationOptions;
  // The time limit of a request is one for all of it; undici's own would be one for each part.
  readonly #agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });

  constructor(options: ApplicationOptions) {
    this.#options = options;
  }

  /** @throws what the connection failed with; a TimeoutError; the signal's reason */
  async post({ path, headers, body }: AppRequest, stopped: AbortSignal): Promise<AppAnswer> {
    const { url, timeoutMs, maxReplyBytes } = this.#options;
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(timeoutMs)]);
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

  /** Whether this URL answers with 2xx within the time limit. @throws the signal's reason */
  async answersWell(url: URL, stopped: AbortSignal): Promise<boolean> {
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(this.#options.timeoutMs)]);
    try {
      const target = { origin: url.origin, path: `${url.pathname}${url.search}`, method: "GET" } as const;
      const { statusCode, body } = await this.#agent.request({ ...target, signal });
      await body.dump({ limit: this.#options.maxReplyBytes, signal });
      return statusCode >= 200 && statusCode < 300;
    } catch {
      stopped.throwIfAborted();
      return false;
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
