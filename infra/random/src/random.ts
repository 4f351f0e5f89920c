/** Seeded chance (mulberry32): the same seed gives the same draws, on any machine. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A generator of its own, so that one case's draws do not move the next one's. */
  fork(salt: number): Random {
    return new Random(Math.imul(this.#state ^ salt, 0x9e3779b1) ^ (salt << 13));
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

  shuffled<T>(from: readonly T[]): T[] {
    const deck = [...from];
    for (let i = deck.length - 1; i > 0; i--) {
      const j = this.between(0, i);
      [deck[i], deck[j]] = [deck[j] as T, deck[i] as T];
    }
    return deck;
  }

  /** Lengths as they occur: mostly short, now and then long. */
  length(max: number): number {
    return Math.floor(max * this.next() ** 4);
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let i = 0; i < length; i++) bytes[i] = this.between(0, 255);
    return bytes;
  }

  /** Text of the given characters. */
  text(length: number, alphabet: string): string {
    const characters = [...alphabet];
    return Array.from({ length }, () => this.pick(characters)).join("");
  }

  /** Times `make`. */
  list<T>(min: number, max: number, make: () => T): T[] {
    return Array.from({ length: this.between(min, max) }, make);
  }

  /** Some bytes changed, cut out, doubled or put in. */
  mutate(original: Buffer, maxEdits = 6): Buffer {
    let bytes = Buffer.from(original);
    for (let edit = this.between(1, maxEdits); edit > 0; edit--) {
      const at = this.between(0, bytes.length);
      const to = Math.min(bytes.length, at + this.between(1, 12));
      switch (this.between(0, 4)) {
        case 0:
          if (at < bytes.length) bytes[at] = this.between(0, 255);
          break;
        case 1:
          bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
          break;
        case 2:
          bytes = Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
          break;
        case 3:
          bytes = Buffer.concat([bytes.subarray(0, at), this.bytes(this.between(1, 4)), bytes.subarray(at)]);
          break;
        case 4:
          if (this.chance(0.3)) bytes = bytes.subarray(0, at);
          break;
      }
    }
    return bytes;
  }
}
