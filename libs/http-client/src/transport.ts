import { ShardcastError } from "@shardcast/protocol/errors";
import type { Answer } from "./answer.ts";
import { type Attempt, lost, refused } from "./attempt.ts";
import { MAX_TIMER_MS } from "./durations.ts";
import type { ConnectHttpOptions } from "./options.ts";
import type { Scope } from "./scopes.ts";

/** How long an answer may take that nobody has to wait for. */
export const ANSWER_MS = 30_000;

/** One call of the gateway. */
export interface Ask {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly headers?: Headers;
  readonly body?: Uint8Array;
  /** Milliseconds until it is given up. Default: {@link ANSWER_MS}. */
  readonly limitMs?: number;
  /** What it is then given up with. Default: as a connection that fails. */
  readonly tooLate?: () => ShardcastError;
}

/** The way to a gateway. */
export class Transport {
  readonly #base: string;
  readonly #headers: Headers;
  readonly #fetch: typeof globalThis.fetch;

  /** Throws SHARDCAST_INVALID_CONFIG. */
  constructor({ url, headers = {}, fetch }: Omit<ConnectHttpOptions, "retry">) {
    this.#base = baseOf(url);
    this.#headers = headersOf(headers);
    // Looked up at each call, so that what is put in its place later counts; and a browser's wants no `this`.
    this.#fetch = fetch ?? ((input, init) => globalThis.fetch(input, init));
  }

  /** The answer as it is read; anything else than what is asked for is a failure. */
  async call<T>(ask: Ask, scope: Scope, read: (answer: Answer) => T | undefined): Promise<Attempt<T>> {
    const made = await this.#within(ask, scope, async (signal) => answerOf(await this.#send(ask, signal)));
    if (made.kind === "failed") return made;
    const value = read(made.value);
    return value === undefined ? refused(made.value) : { kind: "done", value };
  }

  /** A response whose body the caller reads, and cancels when the scope is over. The time is for its head. */
  open(ask: Ask, scope: Scope): Promise<Attempt<Response>> {
    return this.#within(ask, scope, (signal) => this.#send(ask, signal));
  }

  #send({ method, path, headers, body }: Ask, signal: AbortSignal): Promise<Response> {
    const all = new Headers(this.#headers);
    headers?.forEach((value, name) => {
      all.set(name, value);
    });
    return this.#fetch(`${this.#base}${path}`, {
      method,
      headers: all,
      signal,
      // A handler's redirection is its answer.
      redirect: "manual",
      cache: "no-store",
      ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }),
    });
  }

  async #within<T>(
    { limitMs = ANSWER_MS, tooLate }: Ask,
    scope: Scope,
    send: (signal: AbortSignal) => Promise<T>,
  ): Promise<Attempt<T>> {
    const abort = new AbortController();
    const onOver = () => abort.abort();
    let late = false;
    const timer = setTimeout(
      () => {
        late = true;
        abort.abort();
      },
      Math.min(limitMs, MAX_TIMER_MS),
    );
    scope.signal.addEventListener("abort", onOver);
    try {
      if (scope.signal.aborted) abort.abort();
      return { kind: "done", value: await send(abort.signal) };
    } catch (cause) {
      if (scope.error !== undefined) return { kind: "failed", error: scope.error, lost: true };
      if (!late) return lost("the gateway could not be reached, or the connection was lost", cause);
      if (tooLate === undefined) return lost(`the gateway did not answer within ${limitMs} ms`);
      return { kind: "failed", error: tooLate(), lost: true };
    } finally {
      clearTimeout(timer);
      scope.signal.removeEventListener("abort", onOver);
    }
  }
}

/** A response in full. */
export async function answerOf(response: Response): Promise<Answer> {
  const { status, headers } = response;
  return { status, headers, body: new Uint8Array(await response.arrayBuffer()) };
}

function baseOf(url: string | URL): string {
  const text = String(url);
  if (!URL.canParse(text) || !/^https?:/i.test(text))
    throw invalid("url: must begin with http:// or https://");
  const parsed = new URL(text);
  const { origin, pathname, username, password, search, hash } = parsed;
  if (username !== "" || password !== "") throw invalid("url: credentials belong into headers");
  if (search !== "" || hash !== "") throw invalid("url: can have no query and no fragment");
  return origin + pathname.replace(/\/+$/, "");
}

function headersOf(headers: Readonly<Record<string, string>>): Headers {
  try {
    return new Headers(headers);
  } catch (cause) {
    throw invalid("headers: HTTP can not carry them", cause);
  }
}

function invalid(detail: string, cause?: unknown): ShardcastError {
  return new ShardcastError("SHARDCAST_INVALID_CONFIG", detail, { cause });
}
