import type { AdmittedRequest } from "./admitted-request.ts";

/** Longest wait a timer can hold. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Delayed {
  readonly request: AdmittedRequest;
  /** Epoch milliseconds. */
  readonly untilMs: number;
}

/** Requests of a lane whose time has not come, by the clock. Each holds its place in the queue, and no key. */
export class Delays {
  /** By offset, ascending. */
  readonly #delayed = new Map<number, Delayed>();
  readonly #onDue: (request: AdmittedRequest) => void;

  /** @param onDue called when the time of a request has come, and it is held no longer */
  constructor(onDue: (request: AdmittedRequest) => void) {
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#delayed.size;
  }

  has(offset: number): boolean {
    return this.#delayed.has(offset);
  }

  hold(request: AdmittedRequest, untilMs: number): void {
    const delayed = { request, untilMs };
    this.#delayed.set(request.offset, delayed);
    this.#wait(delayed);
  }

  /** Its time is waited for no longer. */
  release(request: AdmittedRequest): void {
    if (request.state.kind !== "delayed") return;
    clearTimeout(request.state.timer);
    this.#delayed.delete(request.offset);
    request.state = { kind: "queued" };
  }

  /** Those before an offset that have to wait for longer than this. */
  before(offset: number, aheadMs: number): AdmittedRequest[] {
    const thenMs = Date.now() + aheadMs;
    const found: AdmittedRequest[] = [];
    for (const [at, { request, untilMs }] of this.#delayed) {
      if (at >= offset) break;
      if (untilMs > thenMs) found.push(request);
    }
    return found;
  }

  /** The half that has to wait for longest. */
  laterHalf(): AdmittedRequest[] {
    const latest = [...this.#delayed.values()].sort((a, b) => b.untilMs - a.untilMs);
    return latest.slice(0, Math.ceil(latest.length / 2)).map(({ request }) => request);
  }

  /** Nothing starts any more. */
  clear(): void {
    for (const { request } of [...this.#delayed.values()]) this.release(request);
  }

  #wait(delayed: Delayed): void {
    const { request, untilMs } = delayed;
    const leftMs = Math.min(untilMs - Date.now(), MAX_TIMER_MS);
    const timer = setTimeout(() => {
      // Timers go by another clock than the time of day, and may be early.
      if (Date.now() < untilMs) {
        this.#wait(delayed);
        return;
      }
      this.release(request);
      this.#onDue(request);
    }, leftMs);
    request.state = { kind: "delayed", timer };
  }
}
