import type { LogRecord } from "../reader.ts";

/** Gathers what a reader delivers. Waiting has no time-out of its own: the test's is the bound. */
export class Collector {
  readonly records: LogRecord[] = [];
  readonly #waiters = new Set<() => void>();

  add(records: readonly LogRecord[]): void {
    this.records.push(...records);
    for (const check of this.#waiters) check();
  }

  /** Resolves once so many records came in all. */
  count(total: number): Promise<void> {
    return this.until(() => this.records.length >= total);
  }

  /** Resolves once a record of this text came. */
  text(text: string): Promise<void> {
    return this.until(() => this.records.some(({ value }) => value?.toString() === text));
  }

  until(done: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!done()) return;
        this.#waiters.delete(check);
        resolve();
      };
      this.#waiters.add(check);
      check();
    });
  }

  texts(partition?: number): string[] {
    return this.#of(partition).map(({ value }) => value?.toString() ?? "");
  }

  offsets(partition?: number): number[] {
    return this.#of(partition).map(({ offset }) => offset);
  }

  #of(partition: number | undefined): LogRecord[] {
    return this.records.filter((record) => partition === undefined || record.partition === partition);
  }
}
