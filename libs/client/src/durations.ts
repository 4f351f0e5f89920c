import { ShardcastError } from "@shardcast/protocol";

const DEFAULT_TIMEOUT_MS = 30_000;
/** Longest time that a timer can hold. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** How long a request waits, milliseconds. Throws SHARDCAST_INVALID_REQUEST. */
export function timeoutOf({ timeoutMs = DEFAULT_TIMEOUT_MS }: { readonly timeoutMs?: number }): number {
  return milliseconds("timeoutMs", timeoutMs, MAX_TIMER_MS);
}

/** Epoch milliseconds of the deadline of a request that nobody waits for all the time. Throws SHARDCAST_INVALID_REQUEST. */
export function deadlineOf({ timeoutMs }: { readonly timeoutMs?: number }): number | undefined {
  if (timeoutMs === undefined) return undefined;
  const nowMs = Date.now();
  return nowMs + milliseconds("timeoutMs", timeoutMs, Number.MAX_SAFE_INTEGER - nowMs);
}

/** How long somebody waits who does not have to, milliseconds. Throws SHARDCAST_INVALID_REQUEST. */
export function waitOf({ waitMs }: { readonly waitMs?: number }): number | undefined {
  return waitMs === undefined ? undefined : milliseconds("waitMs", waitMs, MAX_TIMER_MS);
}

/** How long a broadcast may wait for members, milliseconds. Throws SHARDCAST_INVALID_REQUEST. */
export function ttlOf({ ttlMs }: { readonly ttlMs?: number }): number | undefined {
  return ttlMs === undefined ? undefined : milliseconds("ttlMs", ttlMs, Number.MAX_SAFE_INTEGER - Date.now());
}

function milliseconds(name: string, ms: number, max: number): number {
  if (Number.isInteger(ms) && ms >= 1 && ms <= max) return ms;
  throw new ShardcastError("SHARDCAST_INVALID_REQUEST", `${name}: 1 to ${max}, got ${ms}`);
}
