/** Calls the listener after what may be a change, until the returned function is called. */
export type Watch = (listener: () => void) => () => void;

export interface ChangesParts<T> {
  readonly watches: readonly Watch[];
  /** How it stands now. */
  readonly read: () => Promise<T>;
  /** Two that are equal by this are no change. */
  readonly essence: (item: T) => string;
  readonly signal: AbortSignal;
}

/**
 * How it stands now, and again after changes, until the signal fires. Who reads slowly gets the newest, not each: nothing queues
 * up (C7).
 */
export async function* changes<T>({
  watches,
  read,
  essence,
  signal,
}: ChangesParts<T>): AsyncGenerator<T, void, undefined> {
  let told: string | undefined;
  let changed = true;
  let wake = () => {};
  const onChange = () => {
    changed = true;
    wake();
  };
  const stops = watches.map((watch) => watch(onChange));
  signal.addEventListener("abort", onChange);
  try {
    while (!signal.aborted) {
      if (!changed) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      // Before it is read: what changes meanwhile may not be in it.
      changed = false;
      const item = await read();
      const now = essence(item);
      if (now === told || signal.aborted) continue;
      told = now;
      yield item;
    }
  } finally {
    for (const stop of stops) stop();
    signal.removeEventListener("abort", onChange);
  }
}
