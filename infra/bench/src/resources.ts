/** What was started, so that all of it ends, the last one first, also when a bench fails or is interrupted. */
export class Resources {
  readonly #closers: (() => Promise<void>)[] = [];

  add<T extends { stop(): Promise<void> }>(resource: T): T {
    this.#closers.push(() => resource.stop());
    return resource;
  }

  /** Closes everything, whatever fails; failures are told on stderr. */
  async close(): Promise<void> {
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      await closer().catch((error: unknown) => console.error(error));
    }
  }
}
