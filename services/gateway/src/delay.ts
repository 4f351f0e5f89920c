import type { IncomingHttpHeaders } from "node:http";
import { type Delivery, invalidRequest, secondsToMs } from "@shardcast/http-words";

/** IMF-fixdate of RFC 9110, the form that is to be sent: `Sun, 06 Nov 1994 08:49:37 GMT`. */
const HTTP_DATE = /^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$/;
/** With its offset, or it would be a time of day of nobody knows where. */
const ISO_8601 =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})$/;

export interface DelayLimits {
  readonly maxDelayMs: number;
}

/**
 * Epoch milliseconds before which the request is not to start: `Delay: SECONDS`, or `Delay-Until:` a date of HTTP or ISO 8601.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST that names the header, also when the deadline comes first (C8)
 */
export function notBeforeOf(
  headers: IncomingHttpHeaders,
  { kind, timeoutMs }: Delivery,
  { maxDelayMs }: DelayLimits,
): number | undefined {
  const delay = headers.delay as string | undefined;
  const until = headers["delay-until"] as string | undefined;
  if (delay === undefined && until === undefined) return undefined;
  if (delay !== undefined && until !== undefined) {
    throw invalidRequest("Delay-Until: can not be there together with Delay");
  }
  const name = delay === undefined ? "Delay-Until" : "Delay";
  const nowMs = Date.now();
  const notBeforeMs = delay === undefined ? dateMs(until as string) : nowMs + secondsToMs(delay, "Delay");
  const aheadMs = notBeforeMs - nowMs;
  if (aheadMs > maxDelayMs) throw invalidRequest(`${name}: at most ${maxDelayMs / 1_000} seconds from now`);
  if (timeoutMs !== undefined && aheadMs >= timeoutMs) {
    const hint = kind === "wait" ? "; Prefer: respond-async does not wait" : "";
    throw invalidRequest(
      `${name}: must be less than the ${timeoutMs / 1_000} seconds of the deadline${hint}`,
    );
  }
  return notBeforeMs;
}

function dateMs(text: string): number {
  const ms = HTTP_DATE.test(text) || ISO_8601.test(text) ? Date.parse(text) : Number.NaN;
  // A time before 1970 is no later than now.
  if (Number.isFinite(ms)) return Math.max(0, ms);
  throw invalidRequest(
    "Delay-Until: must be an HTTP date, or ISO 8601 with an offset, e.g. 2030-01-31T12:00:00Z",
  );
}
