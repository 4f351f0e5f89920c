import type { IncomingHttpHeaders } from "node:http";
import { ParseError, parseItem } from "structured-headers";
import { invalidRequest } from "./invalid-request.ts";

const MAX_LENGTH = 255;
/** What callers send who do not know of quotes: a UUID, for one. */
const BARE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z:/]+$/;

/**
 * The `Idempotency-Key` of a request (draft-ietf-httpapi-idempotency-key-header): a string in quotes, as RFC 9651 has it, or
 * a bare word. Its parameters mean nothing.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST that names the header
 */
export function idempotencyKeyOf(headers: IncomingHttpHeaders): string | undefined {
  const header = headers["idempotency-key"];
  if (header === undefined) return undefined;
  const key = BARE.test(String(header)) ? String(header) : quoted(String(header));
  if (key.length >= 1 && key.length <= MAX_LENGTH) return key;
  throw invalidRequest(`Idempotency-Key: must have 1 to ${MAX_LENGTH} characters`);
}

function quoted(header: string): string {
  try {
    const [value] = parseItem(header);
    if (typeof value === "string") return value;
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
  }
  throw invalidRequest('Idempotency-Key: must be a string in quotes, e.g. "8e03978e-40d5"');
}
