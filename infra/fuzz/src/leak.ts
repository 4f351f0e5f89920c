import type { Holdings } from "./target/messages.ts";
import type { Target } from "./target/target.ts";
import type { Violations } from "./violations.ts";

/** The heap of the same content differs by this much: compiled code, hidden classes, caches that fill. */
const HEAP_BAND_BYTES = 6_000_000;
/** What was let go may take a moment to be gone. */
const PATIENCE = 5;
const MEASURE_LIMIT_MS = 10_000;

export function measureBaseline(target: Target): Promise<Holdings> {
  return target.measure(MEASURE_LIMIT_MS);
}

/** Everything that was taken since the baseline must have been given back. */
export async function checkForLeaks(target: Target, before: Holdings, violations: Violations): Promise<void> {
  let faults: string[] = [];
  for (let attempt = 0; attempt < PATIENCE; attempt++) {
    const now = await target.measure(MEASURE_LIMIT_MS);
    faults = leaks(before, now);
    if (faults.length === 0) {
      console.error(`heap after collection: ${megabytes(before)} before, ${megabytes(now)} after`);
      return;
    }
  }
  for (const fault of faults) violations.add(`leak: ${fault}`);
}

export function leaks(before: Holdings, now: Holdings): string[] {
  const faults: string[] = [];
  if (now.pending > 0) faults.push(`${now.pending} requests are pending`);
  if (now.heapBytes - before.heapBytes > HEAP_BAND_BYTES) {
    faults.push(`the heap grew from ${megabytes(before)} to ${megabytes(now)}`);
  }
  for (const [kind, count] of Object.entries(now.resources)) {
    const had = before.resources[kind] ?? 0;
    if (count > had) faults.push(`${count} of ${kind}, ${had} before`);
  }
  return faults;
}

function megabytes({ heapBytes }: Holdings): string {
  return `${(heapBytes / 1_000_000).toFixed(1)} MB`;
}
