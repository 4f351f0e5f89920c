import type { IncomingHttpHeaders } from "node:http";
import { ParseError, parseDictionary, parseItem } from "structured-headers";
import { invalidRequest } from "./problems.ts";

/** Whole or decimal seconds; no sign, no exponent, no unit. */
const SECONDS = /^[0-9]{1,9}(?:\.[0-9]{1,9})?$/;
const BARE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z:/]+$/;
// W3C Trace Context, version 00; what does not look like it is not passed on, as the standard wants.
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** What a gateway does and this does not. Overlooked, a caller would rely on what does not happen. */
const GATEWAYS_ONLY = {
  "callback-url": "Callback-URL",
  delay: "Delay",
  "delay-until": "Delay-Until",
  "ce-specversion": "ce-specversion: CloudEvents",
} as const;

/** @throws {ShardcastError} SHARDCAST_INVALID_REQUEST that names what is not offered here */
export function assertOffered(headers: IncomingHttpHeaders, contentType = ""): void {
  for (const [name, shown] of Object.entries(GATEWAYS_ONLY)) {
    if (headers[name] !== undefined)
      throw invalidRequest(`${shown}: not offered by the sidecar; a gateway has it`);
  }
  if (/^\s*application\/cloudevents/i.test(contentType)) {
    throw invalidRequest("Content-Type: CloudEvents are not taken by the sidecar; a gateway does");
  }
}

/** Milliseconds of a text that says seconds, rounded up. Throws SHARDCAST_INVALID_REQUEST that names it. */
export function secondsToMs(seconds: string, name: string): number {
  const ms = SECONDS.test(seconds) ? Math.ceil(Number(seconds) * 1_000) : 0;
  if (ms < 1) throw invalidRequest(`${name}: must be seconds greater than 0, e.g. 2.5`);
  return ms;
}

/** What of `Prefer` is heeded here; what is no preference is to be ignored (RFC 7240). */
export interface Preferred {
  readonly respondAsync: boolean;
  readonly waitMs: number | undefined;
  /** Value of Preference-Applied. */
  readonly applied: string;
}

/** Throws SHARDCAST_INVALID_REQUEST for a wait that says no time. */
export function preferred({ prefer }: IncomingHttpHeaders): Preferred {
  const found = prefer === undefined ? undefined : dictionaryOf(String(prefer).toLowerCase());
  const wait = found?.get("wait")?.[0];
  const respondAsync = found?.has("respond-async") ?? false;
  const waitMs = wait === undefined ? undefined : secondsToMs(String(wait), "Prefer: wait");
  const applied = [
    ...(respondAsync ? ["respond-async"] : []),
    ...(wait === undefined ? [] : [`wait=${wait}`]),
  ];
  return { respondAsync, waitMs, applied: applied.join(", ") };
}

/** A string in quotes, as RFC 9651 has it, or a bare word. Throws SHARDCAST_INVALID_REQUEST. */
export function idempotencyKeyOf(headers: IncomingHttpHeaders): string | undefined {
  const header = headers["idempotency-key"];
  if (header === undefined || BARE.test(String(header))) return header as string | undefined;
  const [value] = parsed(() => parseItem(String(header))) ?? [];
  if (typeof value === "string") return value;
  throw invalidRequest('Idempotency-Key: must be a string in quotes, e.g. "8e03978e-40d5"');
}

export function traceparentOf({ traceparent }: IncomingHttpHeaders): string | undefined {
  return typeof traceparent === "string" && TRACEPARENT.test(traceparent) ? traceparent : undefined;
}

/** The headers that the handler gets, of those whose names are configured. */
export function travelling(headers: IncomingHttpHeaders, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = headers[name];
      return value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]];
    }),
  );
}

function dictionaryOf(text: string) {
  return parsed(() => parseDictionary(text));
}

function parsed<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ParseError) return undefined;
    throw error;
  }
}
