import { ShardcastError } from "@shardcast/protocol/errors";
import { isoTime } from "./durations.ts";
import type { IdempotencyOptions, SendOptions } from "./options.ts";

/** What the gateway or the connection would take for its own. */
const OURS = new Set([
  "callback-url",
  "connection",
  "content-length",
  "content-type",
  "delay",
  "delay-until",
  "expect",
  "host",
  "idempotency-key",
  "keep-alive",
  "prefer",
  "request-timeout",
  "te",
  "traceparent",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/; // an RFC 9110 token in lower case
/** Strings of RFC 9651. */
const PRINTABLE = /^[\x20-\x7e]{1,255}$/;

/** The headers of a request. Throws SHARDCAST_INVALID_REQUEST that names the option. */
export function requestHeaders(
  options: SendOptions & IdempotencyOptions,
  contentType: string | undefined,
): Headers {
  const {
    headers = {},
    traceparent,
    notBeforeMs,
    callbackUrl,
    idempotencyKey,
    cancelOnAbort = false,
  } = options;
  const made = new Headers();
  for (const [name, value] of Object.entries(headers)) setHandlers(made, name, value);
  const type = options.contentType ?? contentType;
  if (type !== undefined) set(made, "contentType", "content-type", type);
  if (traceparent !== undefined) set(made, "traceparent", "traceparent", traceparent);
  if (notBeforeMs !== undefined) made.set("delay-until", isoTime("notBeforeMs", notBeforeMs));
  if (callbackUrl !== undefined) made.set("callback-url", hrefOf(callbackUrl));
  if (idempotencyKey !== undefined) made.set("idempotency-key", quoted(idempotencyKey));
  if (cancelOnAbort) made.set("shardcast-on-disconnect", "cancel");
  return made;
}

function setHandlers(made: Headers, name: string, value: unknown): void {
  const option = `headers: ${JSON.stringify(name)}`;
  if (!NAME.test(name) || typeof value !== "string") {
    throw invalid(`${option} must be a lower-case header name with a text value`);
  }
  if (OURS.has(name) || name.startsWith("shardcast-")) throw invalid(`${option} means something else here`);
  set(made, option, name, value);
}

function set(made: Headers, option: string, name: string, value: string): void {
  try {
    made.set(name, value);
  } catch (cause) {
    throw invalid(`${option}: HTTP can not carry this value`, cause);
  }
}

/** In the characters that headers have. */
function hrefOf(callbackUrl: string): string {
  if (URL.canParse(callbackUrl)) {
    const { protocol, href } = new URL(callbackUrl);
    if (protocol === "https:" || protocol === "http:") return href;
  }
  throw invalid("callbackUrl: an http or https URL");
}

function quoted(idempotencyKey: string): string {
  if (!PRINTABLE.test(idempotencyKey)) {
    throw invalid("idempotencyKey: over HTTP, 1 to 255 printable ASCII characters");
  }
  return `"${idempotencyKey.replaceAll(/["\\]/g, "\\$&")}"`;
}

function invalid(detail: string, cause?: unknown): ShardcastError {
  return new ShardcastError("SHARDCAST_INVALID_REQUEST", detail, { cause });
}
