import type { Attempt } from "./attempt.ts";
import { seconds } from "./durations.ts";
import { type Backoff, retried } from "./retry.ts";
import { pause, type Scope } from "./scopes.ts";
import { type RequestStatus, readStatus } from "./status.ts";
import { ANSWER_MS, type Transport } from "./transport.ts";

/** Longest single wait: what stands in between cuts connections that are silent for longer. */
const SLICE_MS = 25_000;
/** Pause before a wait that was cut short is taken up again. */
const CUT_SHORT_MS = 1_000;

export interface PollingParts {
  readonly id: string;
  /** Of the request. */
  readonly path: string;
  readonly transport: Transport;
  readonly scope: Scope;
  readonly backoff: () => Backoff;
}

/** Asks how one request stands. */
export class Polling {
  readonly #parts: PollingParts;

  constructor(parts: PollingParts) {
    this.#parts = parts;
  }

  /** Once; the gateway answers when the request has ended, or the time is over. */
  ask(waitMs?: number): Promise<Attempt<RequestStatus>> {
    const { id, path, transport, scope } = this.#parts;
    const asked = waitMs === undefined ? path : `${path}?wait=${seconds(waitMs)}`;
    const ask = { method: "GET", path: asked, limitMs: (waitMs ?? 0) + ANSWER_MS } as const;
    return transport.call(ask, scope, (answer) => readStatus(id, answer));
  }

  /** In slices: its end, or what is known when the time is over, epoch milliseconds. Throws what ended the scope. */
  async until(untilMs: number): Promise<RequestStatus> {
    const { scope, backoff } = this.#parts;
    for (;;) {
      const sliceEndsMs = Math.min(Date.now() + SLICE_MS, untilMs);
      const slice = () => this.ask(Math.max(1, sliceEndsMs - Date.now()));
      const status = await retried(slice, scope, { backoff: backoff(), untilMs });
      if (status.state === "ended") return status;
      const leftMs = sliceEndsMs - Date.now();
      // A gateway that closes, or allows less, cuts it short.
      if (leftMs > 0) await pause(Math.min(leftMs, CUT_SHORT_MS), scope);
      if (scope.error !== undefined) throw scope.error;
      if (Date.now() >= untilMs) return status;
    }
  }
}
