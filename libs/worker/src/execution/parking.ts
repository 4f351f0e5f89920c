import { isShardcastError, type ParkedKeys, type RequestEnvelope, ShardcastError } from "@shardcast/protocol";
import type { Logger } from "pino";
import type { Outcome } from "./outcome.ts";
import { retry } from "./retry.ts";

export interface ParkingOptions {
  /** Of the lane, as its dead letters say. */
  readonly keys: ParkedKeys;
  /** Resolves when `keys` says what is on the log now. Rejects as the log does. */
  readonly caughtUp: () => Promise<void>;
  readonly logger: Logger;
}

/** Keys of a lane that may be parked (C7). */
const MAX_PARKED = 10_000;
const RETRY_MIN_MS = 20;
const RETRY_MAX_MS = 1_000;

/**
 * Parks the keys of a lane whose requests are exhausted (C9): what follows lies behind them in the dead letters, in order
 * (decision 019). What is decided here of a key is decided in its turn, when all that was written of it before was read back.
 */
export class Parking {
  readonly #options: ParkingOptions;
  /** On their way to be parked. */
  readonly #parking = new Set<string>();

  constructor(options: ParkingOptions) {
    this.#options = options;
  }

  /** How a request ends that must not run; undefined for one that may. */
  holds({ key, parked }: RequestEnvelope): Outcome | undefined {
    const { keys } = this.#options;
    const held = parked === undefined ? keys.has(key) : keys.stops(key, parked.upTo);
    if (!held) return undefined;
    const detail = "an earlier request of this key lies in the dead letters, and this one behind it";
    const error = new ShardcastError("SHARDCAST_KEY_PARKED", detail);
    return { kind: "exhausted", error, attempts: 0, parks: true };
  }

  /** What comes of an outcome here: one that is exhausted parks its key, while there is room for it. */
  judge({ key, id }: RequestEnvelope, outcome: Outcome): Outcome {
    if (outcome.kind !== "exhausted") return outcome;
    const { keys, logger } = this.#options;
    if (!keys.has(key) && keys.size + this.#parking.size >= MAX_PARKED) {
      logger.error({ requestId: id, parked: keys.size }, "too many keys are parked; this one goes on");
      return outcome;
    }
    return { ...outcome, parks: true };
  }

  /** Whether nothing of the key is left to be sent again before it goes on. */
  ends(key: Buffer, upTo: number): boolean {
    return this.#options.keys.endsAt(key, upTo);
  }

  /**
   * Writes of a key to the dead letters; resolves when that was read back, or nothing starts on the lane any more. Rejects as
   * `write` does.
   */
  async around(key: Buffer, halted: AbortSignal, write: () => Promise<void>): Promise<void> {
    const text = key.toString("latin1");
    if (!this.#options.keys.has(key)) this.#parking.add(text);
    try {
      await write();
      await unless(halted, () => this.#readBack(halted));
    } finally {
      this.#parking.delete(text);
    }
  }

  #readBack(signal: AbortSignal): Promise<void> {
    return retry(this.#options.caughtUp, {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: RETRY_MIN_MS,
      maxTimeout: RETRY_MAX_MS,
      randomize: true,
      signal,
      shouldRetry: ({ error }) =>
        isShardcastError(error) && error.retryable && error.code !== "SHARDCAST_CLOSED",
    });
  }
}

/** Resolves with the task, or when the signal fires; what the task throws after that is dropped. */
async function unless(signal: AbortSignal, task: () => Promise<void>): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const end = () => resolve();
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  try {
    const ended = task();
    ended.catch(() => {}); // told by the race, or nobody waits any more
    await Promise.race([over, ended]);
  } finally {
    signal.removeEventListener("abort", end);
  }
}
