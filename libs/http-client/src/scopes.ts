import { ShardcastError } from "@shardcast/protocol/errors";
import { MAX_TIMER_MS } from "./durations.ts";

/** One call of a method: what it sends and waits for is over when the caller's signal fires, or when the client closes. */
export interface Scope {
  /** Fires when it is over. */
  readonly signal: AbortSignal;
  /** Why it is; undefined before. */
  readonly error: ShardcastError | undefined;
}

/** The calls that are under way. */
export class Scopes {
  readonly #open = new Set<OpenScope>();
  #closed = false;

  /** @throws {ShardcastError} SHARDCAST_CLOSED, SHARDCAST_ABORTED, also when either comes in between */
  async run<T>(caller: AbortSignal | undefined, call: (scope: Scope) => Promise<T>): Promise<T> {
    const scope = this.begin(caller);
    try {
      if (scope.error !== undefined) throw scope.error;
      return await call(scope);
    } finally {
      this.end(scope);
    }
  }

  /** The same for who ends it himself. */
  begin(caller: AbortSignal | undefined): OpenScope {
    if (this.#closed) throw closedError();
    const scope = new OpenScope(caller);
    this.#open.add(scope);
    return scope;
  }

  end(scope: OpenScope): void {
    this.#open.delete(scope);
    scope.letGo();
  }

  close(): void {
    this.#closed = true;
    for (const scope of this.#open) scope.endBy(closedError());
  }
}

export class OpenScope implements Scope {
  readonly #abort = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #onAbort: () => void;
  error: ShardcastError | undefined;

  constructor(caller: AbortSignal | undefined) {
    this.#caller = caller;
    this.#onAbort = () => this.endBy(abortedError(caller as AbortSignal));
    if (caller?.aborted) this.#onAbort();
    else caller?.addEventListener("abort", this.#onAbort);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  endBy(error: ShardcastError): void {
    if (this.error !== undefined) return;
    this.error = error;
    this.#abort.abort();
  }

  letGo(): void {
    this.#caller?.removeEventListener("abort", this.#onAbort);
  }
}

/** Resolves when the time is over, or the scope. */
export function pause(ms: number, { signal }: Scope): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const over = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, Math.min(ms, MAX_TIMER_MS));
    signal.addEventListener("abort", over);
  });
}

function abortedError({ reason }: AbortSignal): ShardcastError {
  return new ShardcastError("SHARDCAST_ABORTED", "the caller aborted the request", { cause: reason });
}

function closedError(): ShardcastError {
  return new ShardcastError("SHARDCAST_CLOSED", "the client is closed");
}
