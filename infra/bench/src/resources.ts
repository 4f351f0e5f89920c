/** What was started, so that all of it ends, the last one first, also when a bench fails or is interrupted. */
export class Resources {
  readonly #closers: (() => Promise<void>)[] = [];
  #closed = false;

  /** Throws, and stops it, when all has been closed: who was interrupted may not have noticed yet. */
  add<T extends { stop(): Promise<void> }>(resource: T): T {
    if (this.#closed) {
      resource.stop().catch((error: unknown) => console.error(error));
      throw new Error("started too late: the bench is over");
    }
    this.#closers.push(() => resource.stop());
    return resource;
  }

  /** Closes everything, whatever fails; failures are told on stderr. */
  async close(): Promise<void> {
    this.#closed = true;
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      await closer().catch((error: unknown) => console.error(error));
    }
  }
}
