/** How many requests of each key are in flight. Holds only keys that have one, so it is bounded by what is in flight (C7). */
export class KeyCounts {
  readonly #counts = new Map<string, number>();

  /** Keys that have a request in flight. */
  get size(): number {
    return this.#counts.size;
  }

  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  add(key: string): void {
    this.#counts.set(key, this.of(key) + 1);
  }

  remove(key: string): void {
    const left = this.of(key) - 1;
    if (left > 0) this.#counts.set(key, left);
    else this.#counts.delete(key);
  }
}

/** A key as a name: the same for the same bytes only. */
export function keyName(key: Buffer): string {
  return key.toString("latin1");
}
