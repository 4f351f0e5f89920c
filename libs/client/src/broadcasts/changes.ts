import type { BroadcastChange, Broadcasts } from "@shardcast/broadcasts";
import { unknownBroadcast } from "./errors.ts";
import { isOver } from "./standing.ts";

/** How often it is looked whether it is still known: one that was dropped brings no change. */
const LOOK_AGAIN_MS = 5_000;

export interface WaitOptions {
  /** Milliseconds. */
  readonly waitMs: number;
  readonly signals: readonly AbortSignal[];
}

/** Resolves when there is a verdict, when the time is over, or when a signal fires. */
export async function nextVerdict(
  broadcasts: Broadcasts,
  id: string,
  { waitMs, signals }: WaitOptions,
): Promise<void> {
  const bell = new Bell(broadcasts, id, signals);
  const untilMs = Date.now() + waitMs;
  try {
    for (;;) {
      const leftMs = untilMs - Date.now();
      if (leftMs <= 0 || bell.over || broadcasts.get(id)?.verdict !== "open") return;
      await bell.ring(leftMs);
    }
  } finally {
    bell.stop();
  }
}

/**
 * How a broadcast stands now, or what has changed after `after`, and each change, until everything final was said or a signal
 * fires. Nothing queues up for who reads slowly: he gets what has changed since in one (C7).
 *
 * @throws {ShardcastError} SHARDCAST_UNKNOWN_BROADCAST, also when it is dropped meanwhile
 */
export async function* changesOf(
  broadcasts: Broadcasts,
  id: string,
  { after, signals }: { readonly after: number | undefined; readonly signals: readonly AbortSignal[] },
): AsyncGenerator<BroadcastChange, void, undefined> {
  const bell = new Bell(broadcasts, id, signals);
  try {
    let change = since(broadcasts, id, after ?? 0);
    let seq = after ?? change.seq;
    if (after === undefined) {
      yield { ...change, members: change.status.members };
      change = since(broadcasts, id, seq);
    }
    while (!bell.over) {
      if (change.seq > seq) {
        seq = change.seq;
        yield change;
      } else if (isOver(change.status)) {
        return;
      } else {
        await bell.ring(LOOK_AGAIN_MS);
      }
      change = since(broadcasts, id, seq);
    }
  } finally {
    bell.stop();
  }
}

function since(broadcasts: Broadcasts, id: string, seq: number): BroadcastChange {
  const change = broadcasts.since(id, seq);
  if (change === undefined) throw unknownBroadcast();
  return change;
}

/** Rings at each change of a broadcast. */
class Bell {
  readonly #signals: readonly AbortSignal[];
  readonly #unwatch: () => void;
  #rung = false;
  #wake = () => {};
  readonly #onRing = () => {
    this.#rung = true;
    this.#wake();
  };

  constructor(broadcasts: Broadcasts, id: string, signals: readonly AbortSignal[]) {
    this.#signals = signals;
    this.#unwatch = broadcasts.watch(id, this.#onRing);
    for (const signal of signals) signal.addEventListener("abort", this.#onRing);
  }

  /** A signal has fired. */
  get over(): boolean {
    return this.#signals.some(({ aborted }) => aborted);
  }

  /** Resolves when it has rung since the last time, or the time is over. */
  async ring(withinMs: number): Promise<void> {
    if (!this.#rung) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, withinMs);
      });
      clearTimeout(timer);
    }
    this.#rung = false;
  }

  stop(): void {
    this.#unwatch();
    for (const signal of this.#signals) signal.removeEventListener("abort", this.#onRing);
  }
}
