/**
 * Does something for all who ask, one run at a time (C7). Who asks gets what a run found that began after he asked: one
 * that is under way already may have looked too early.
 */
export class Coalesced<T> {
  readonly #run: () => Promise<T>;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<T> | undefined;

  constructor(run: () => Promise<T>) {
    this.#run = run;
  }

  ask(): Promise<T> {
    this.#next ??= this.#afterRunning();
    return this.#next;
  }

  async #afterRunning(): Promise<T> {
    await this.#running;
    this.#next = undefined;
    const run = this.#run();
    this.#running = run.catch(() => {});
    return run;
  }
}
