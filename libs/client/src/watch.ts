import type { ControlChange, Directory } from "@shardcast/control";

export interface WatchOptions {
  /** Ends the watching. */
  readonly signal?: AbortSignal;
}

/** Kinds of changes that are seen from outside; heartbeats are not. */
const SEEN: ReadonlySet<ControlChange["kind"]> = new Set<ControlChange["kind"]>(["map", "lane", "member"]);

/** Without those that say the same as the one before. */
export async function* distinct<T>(source: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  let told: string | undefined;
  for await (const item of source) {
    const now = JSON.stringify(item);
    if (now === told) continue;
    told = now;
    yield item;
  }
}

/**
 * What `read` gives now, and again after changes, until one of the signals fires. Who reads slowly gets the newest, not
 * each: nothing queues up (C7).
 */
export async function* watchDirectory<T>(
  directory: Directory,
  read: () => T,
  ends: readonly AbortSignal[],
): AsyncGenerator<T, void, undefined> {
  let changed = true;
  let wake = () => {};
  const wakeUp = () => wake();
  const stop = directory.watch(({ kind }) => {
    if (!SEEN.has(kind)) return;
    changed = true;
    wakeUp();
  });
  for (const end of ends) end.addEventListener("abort", wakeUp);
  try {
    while (!ends.some(({ aborted }) => aborted)) {
      if (changed) {
        changed = false;
        yield read();
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    stop();
    for (const end of ends) end.removeEventListener("abort", wakeUp);
  }
}
