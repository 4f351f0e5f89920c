import type { Handler, HandlerContext, HandlerRequest, HandlerResult } from "@shardcast/worker";

/** One call of a staged handler; it runs until the test ends it. */
export interface Call {
  readonly request: HandlerRequest;
  readonly context: HandlerContext;
  end(result?: HandlerResult): void;
  fail(error: unknown): void;
}

/** A handler whose calls begin and end when the test says so. */
export class Stage {
  readonly calls: Call[] = [];
  readonly #waiting = new Set<() => void>();

  readonly handler: Handler = (request, context) => {
    const { promise, resolve, reject } = Promise.withResolvers<HandlerResult>();
    this.calls.push({ request, context, end: resolve, fail: reject });
    for (const wake of this.#waiting) wake();
    return promise;
  };

  /** Resolves with the nth call, counted from 1. */
  async started(n: number): Promise<Call> {
    for (;;) {
      const call = this.calls[n - 1];
      if (call !== undefined) return call;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await promise;
      this.#waiting.delete(resolve);
    }
  }
}

/** Resolves when a signal fires. */
export async function fired(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve());
  await promise;
}
