import type { IncomingHttpHeaders } from "node:http";
import { ShardcastError } from "@shardcast/protocol";
import { parsePrefer } from "./preferences.ts";

export interface TimeoutLimits {
  readonly defaultTimeoutMs: number;
  readonly maxTimeoutMs: number;
}

/** Whole or decimal seconds; no sign, no exponent, no unit. */
const SECONDS = /^[0-9]{1,9}(?:\.[0-9]{1,9})?$/;

/**
 * How long the caller waits: the smaller of `Request-Timeout: SECONDS` and `Prefer: wait=SECONDS`, cut to the
 * configured maximum; the default where the caller says nothing.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST that names the header
 */
export function timeoutOf(headers: IncomingHttpHeaders, limits: TimeoutLimits): number {
  const requested = headers["request-timeout"] as string | undefined;
  const prefer = headers.prefer as string | undefined;
  let timeoutMs: number | undefined;
  if (requested !== undefined) timeoutMs = milliseconds(requested, "Request-Timeout");
  if (prefer !== undefined) {
    const waitMs = preferredWait(prefer);
    if (waitMs !== undefined) timeoutMs = Math.min(timeoutMs ?? waitMs, waitMs);
  }
  return Math.min(timeoutMs ?? limits.defaultTimeoutMs, limits.maxTimeoutMs);
}

function preferredWait(header: string): number | undefined {
  let waitMs: number | undefined;
  for (const { name, value } of parsePrefer(header)) {
    if (name === "wait") waitMs = milliseconds(value, "Prefer: wait");
    // A server may ignore a preference. This one is refused until asynchronous requests exist, because its caller
    // expects 202 and a place to ask at; nobody shall come to rely on its being ignored.
    if (name === "respond-async") throw invalid("Prefer: respond-async is not supported by this gateway");
  }
  return waitMs;
}

function milliseconds(seconds: string, header: string): number {
  const ms = SECONDS.test(seconds) ? Math.ceil(Number(seconds) * 1000) : 0;
  if (ms < 1) throw invalid(`${header}: must be seconds greater than 0, e.g. 2.5`);
  return ms;
}

function invalid(detail: string): ShardcastError {
  return new ShardcastError("SHARDCAST_INVALID_REQUEST", detail);
}
