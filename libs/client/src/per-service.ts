import { closedError } from "./closed-error.ts";

interface Closable {
  close(): Promise<void>;
}

/** One thing a service, opened when it is first asked for, shared by all who ask, and closed with the client. */
export class PerService<T extends Closable> {
  readonly #opening = new Map<string, Promise<T>>();
  readonly #open = new Map<string, T>();
  #closed = false;

  /** Where it is open already. */
  known(service: string): T | undefined {
    return this.#open.get(service);
  }

  /**
   * Opens it, or joins who does. Who asks after that has failed tries again.
   *
   * @throws {ShardcastError} SHARDCAST_CLOSED, also when it is closed meanwhile; what opening it throws
   */
  async get(service: string, open: () => Promise<T>): Promise<T> {
    if (this.#closed) throw closedError();
    let opening = this.#opening.get(service);
    if (opening === undefined) {
      opening = open();
      this.#opening.set(service, opening);
      opening.then(
        (opened) => {
          if (!this.#closed) this.#open.set(service, opened);
        },
        () => this.#opening.delete(service),
      );
    }
    const opened = await opening;
    if (this.#closed) throw closedError();
    return opened;
  }

  /** Closes what is open, and what is being opened as soon as it is. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    const opening = [...this.#opening.values()];
    this.#opening.clear();
    this.#open.clear();
    const settled = await Promise.allSettled(opening);
    await Promise.all(settled.map((each) => (each.status === "fulfilled" ? each.value.close() : undefined)));
  }
}
