import { ShardcastError } from "@shardcast/protocol";

/** Without a record for so long, waiting is given up. An open transaction holds readers up for less. */
const PATIENCE_MS = 20_000;

/** Bounds how long records are waited for: the log may be away, and nobody else would say so. */
export class Patience {
  /** Rejects with SHARDCAST_LOG_UNAVAILABLE when no record has come for too long. */
  readonly over: Promise<never>;
  readonly #timer: NodeJS.Timeout;

  /** @param topic what is read */
  constructor(topic: string) {
    const { promise, reject } = Promise.withResolvers<never>();
    const detail = `no record of ${topic} has come for ${PATIENCE_MS} ms, and there are more`;
    this.#timer = setTimeout(
      () => reject(new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", detail)),
      PATIENCE_MS,
    );
    promise.catch(() => {}); // also where nobody waits any more
    this.over = promise;
  }

  /** A record has come. */
  refresh(): void {
    this.#timer.refresh();
  }

  /** Everything has come, or nobody waits any more. */
  end(): void {
    clearTimeout(this.#timer);
  }
}
