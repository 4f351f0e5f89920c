/** Seeded chance (mulberry32): the same seed gives the same cases. The one of infra/fuzz is above this package. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 to below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number, both ends included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.between(0, from.length - 1)] as T;
  }

  /** Latin1 with a place or two changed, cut out, doubled or put in. */
  mutate(text: string): string {
    let mutated = text;
    for (let edits = this.between(1, 2); edits > 0; edits--) {
      const at = this.between(0, mutated.length);
      const to = at + this.between(1, 12);
      const byte = String.fromCharCode(this.between(0, 255));
      mutated = this.pick([
        mutated.slice(0, at) + byte + mutated.slice(at + 1),
        mutated.slice(0, at) + byte + mutated.slice(at),
        mutated.slice(0, at) + mutated.slice(to),
        mutated.slice(0, to) + mutated.slice(at),
        this.chance(0.3) ? mutated.slice(0, at) : mutated,
      ]);
    }
    return mutated;
  }
}
