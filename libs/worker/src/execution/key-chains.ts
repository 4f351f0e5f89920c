/** Runs tasks of one key one after another, in the order they came; tasks of different keys side by side (C1). */
export class KeyChains {
  readonly #tails = new Map<string, Promise<void>>();

  /** Keys that have work. */
  get size(): number {
    return this.#tails.size;
  }

  /** The task must not reject. */
  run(key: string, task: () => Promise<void>): void {
    const before = this.#tails.get(key);
    const tail: Promise<void> = (before === undefined ? task() : before.then(task)).then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    this.#tails.set(key, tail);
  }
}
