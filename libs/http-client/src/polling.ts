import type { Answer } from "./answer.ts";
import type { Attempt } from "./attempt.ts";
import { seconds } from "./durations.ts";
import { type Backoff, retried } from "./retry.ts";
import { pause, type Scope } from "./scopes.ts";
import { ANSWER_MS, type Transport } from "./transport.ts";

/** Longest single wait: what stands in between cuts connections that are silent for longer. */
const SLICE_MS = 25_000;
/** Pause before a wait that was cut short is taken up again. */
const CUT_SHORT_MS = 1_000;

export interface PollingParts<T> {
  /** Of what is asked for. */
  readonly path: string;
  readonly transport: Transport;
  readonly scope: Scope;
  readonly backoff: () => Backoff;
  readonly read: (answer: Answer) => T | undefined;
  /** Whether there is nothing more to wait for. */
  readonly isEnd: (status: T) => boolean;
}

/** Asks how one request, or one broadcast, stands. */
export class Polling<T> {
  readonly #parts: PollingParts<T>;

  constructor(parts: PollingParts<T>) {
    this.#parts = parts;
  }

  /** Once; the gateway answers when it has ended, or the time is over. */
  ask(waitMs?: number): Promise<Attempt<T>> {
    const { path, transport, scope, read } = this.#parts;
    const asked = waitMs === undefined ? path : `${path}?wait=${seconds(waitMs)}`;
    const ask = { method: "GET", path: asked, limitMs: (waitMs ?? 0) + ANSWER_MS } as const;
    return transport.call(ask, scope, read);
  }

  /** In slices: its end, or what is known when the time is over, epoch milliseconds. Throws what ended the scope. */
  async until(untilMs: number): Promise<T> {
    const { scope, backoff, isEnd } = this.#parts;
    for (;;) {
      const sliceEndsMs = Math.min(Date.now() + SLICE_MS, untilMs);
      const slice = () => this.ask(Math.max(1, sliceEndsMs - Date.now()));
      const status = await retried(slice, scope, { backoff: backoff(), untilMs });
      if (isEnd(status)) return status;
      const leftMs = sliceEndsMs - Date.now();
      // A gateway that closes, or allows less, cuts it short.
      if (leftMs > 0) await pause(Math.min(leftMs, CUT_SHORT_MS), scope);
      if (scope.error !== undefined) throw scope.error;
      if (Date.now() >= untilMs) return status;
    }
  }
}
