import type { ResultEnd, ResultEnvelope } from "@shardcast/protocol";

type OpenState = Exclude<ResultEnvelope, ResultEnd>;

/** What requests that did not end are doing, the newest of them (C7): a hint for who asks, nothing rests on it. */
export class OpenStates {
  readonly #limit: number;
  /** The longest without news first. */
  readonly #states = new Map<string, OpenState>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#states.size;
  }

  get(id: string): OpenState | undefined {
    return this.#states.get(id);
  }

  put(state: OpenState): void {
    this.#states.delete(state.id);
    this.#states.set(state.id, state);
    if (this.#states.size <= this.#limit) return;
    const [oldest] = this.#states.keys();
    if (oldest !== undefined) this.#states.delete(oldest);
  }

  delete(id: string): void {
    this.#states.delete(id);
  }

  /** Drops what had no news since this time, epoch ms. */
  dropBefore(beforeMs: number): void {
    for (const [id, { atMs }] of this.#states) {
      if (atMs >= beforeMs) return;
      this.#states.delete(id);
    }
  }
}
