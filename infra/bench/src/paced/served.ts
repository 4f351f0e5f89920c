import type { Sample } from "./samples.ts";

/** Each of these lanes answers requests of after a time, and another process than that one does. */
export interface Wanted {
  readonly lanes: readonly number[];
  readonly afterMs: number;
  readonly notBy?: number;
}

interface Waiting {
  readonly wanted: Wanted;
  readonly missing: Set<number>;
  readonly resolve: (answeredMs: number) => void;
}

/** Tells when lanes are served, by the samples there are and those that come. */
export class ServedWatch {
  readonly #samples: readonly Sample[];
  readonly #waiting = new Set<Waiting>();

  constructor(samples: readonly Sample[]) {
    this.#samples = samples;
  }

  /** Resolves to when the last of the lanes had its first such answer. */
  until(wanted: Wanted): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    const waiting = { wanted, missing: new Set(wanted.lanes), resolve };
    this.#waiting.add(waiting);
    for (const sample of this.#samples) this.#look(waiting, sample);
    return promise;
  }

  saw(sample: Sample): void {
    for (const waiting of this.#waiting) this.#look(waiting, sample);
  }

  #look(waiting: Waiting, { lane, dueMs, answeredMs, by }: Sample): void {
    const { wanted, missing, resolve } = waiting;
    if (dueMs < wanted.afterMs || by === wanted.notBy || !missing.delete(lane) || missing.size > 0) return;
    this.#waiting.delete(waiting);
    resolve(answeredMs);
  }
}
