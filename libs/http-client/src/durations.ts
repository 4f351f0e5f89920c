import { ShardcastError } from "@shardcast/protocol/errors";

const DEFAULT_TIMEOUT_MS = 30_000;
/** Longest time that a timer can hold: beyond it, it would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
/** What the gateway reads has at most nine digits before the point. */
const MAX_SECONDS_MS = 999_999_999_000;
/** Beyond it there are no dates. */
const MAX_DATE_MS = 8_640_000_000_000_000;

/** How long a request waits, milliseconds. Throws SHARDCAST_INVALID_REQUEST, as all of these do. */
export function timeoutOf({ timeoutMs = DEFAULT_TIMEOUT_MS }: { readonly timeoutMs?: number }): number {
  return milliseconds("timeoutMs", timeoutMs, MAX_TIMER_MS);
}

/** The deadline of a request that nobody waits for all the time, milliseconds from now. */
export function deadlineOf({ timeoutMs }: { readonly timeoutMs?: number }): number | undefined {
  return timeoutMs === undefined ? undefined : milliseconds("timeoutMs", timeoutMs, MAX_SECONDS_MS);
}

/** How long somebody waits who does not have to, milliseconds. */
export function waitOf({ waitMs }: { readonly waitMs?: number }): number | undefined {
  return waitMs === undefined ? undefined : milliseconds("waitMs", waitMs, MAX_TIMER_MS);
}

/** How long a broadcast may wait for members, milliseconds. */
export function ttlOf({ ttlMs }: { readonly ttlMs?: number }): number | undefined {
  return ttlMs === undefined ? undefined : milliseconds("ttlMs", ttlMs, MAX_SECONDS_MS);
}

/** As the gateway's headers say it. */
export function seconds(ms: number): string {
  return String(ms / 1_000);
}

/** The same of a point in time, epoch milliseconds. */
export function isoTime(name: string, ms: number): string {
  if (Number.isInteger(ms) && ms >= 0 && ms <= MAX_DATE_MS) return new Date(ms).toISOString();
  throw new ShardcastError("SHARDCAST_INVALID_REQUEST", `${name}: epoch milliseconds, got ${ms}`);
}

function milliseconds(name: string, ms: number, max: number): number {
  if (Number.isInteger(ms) && ms >= 1 && ms <= max) return ms;
  throw new ShardcastError("SHARDCAST_INVALID_REQUEST", `${name}: 1 to ${max}, got ${ms}`);
}
