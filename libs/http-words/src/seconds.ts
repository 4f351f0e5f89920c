import { invalidRequest } from "./invalid-request.ts";

/** Whole or decimal seconds; no sign, no exponent, no unit. */
const SECONDS = /^[0-9]{1,9}(?:\.[0-9]{1,9})?$/;

/**
 * Milliseconds of a text that says seconds, rounded up.
 *
 * @param name what is refused when it does not: a header, or a parameter
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST
 */
export function secondsToMs(seconds: string, name: string): number {
  const ms = SECONDS.test(seconds) ? Math.ceil(Number(seconds) * 1000) : 0;
  if (ms < 1) throw invalidRequest(`${name}: must be seconds greater than 0, e.g. 2.5`);
  return ms;
}
