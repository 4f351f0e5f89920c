import { ShardcastError } from "@shardcast/protocol";
import { errors } from "undici";
import { ForbiddenAddress } from "../callbacks/addresses.ts";
import type { Failure } from "./exchange.ts";
import { NotSent } from "./upstream-answer.ts";

/** Codes of Node and undici for what took too long, once it was sent. */
const TIMEOUTS = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT", "ETIMEDOUT"]);

/** What became of an attempt, by what it failed with; an error of ours where no other attempt would help. */
export function failureOf(error: unknown, host: string): Failure | ShardcastError {
  const cause = error instanceof NotSent ? error.cause : error;
  if (cause instanceof ForbiddenAddress) {
    const detail = `nothing is proxied to ${host}: it is at an address that nothing is proxied to`;
    return new ShardcastError("SHARDCAST_UPSTREAM_FAILED", detail, { cause });
  }
  const code = codeOf(cause);
  if (code === "UND_ERR_INVALID_ARG")
    return new ShardcastError("SHARDCAST_INVALID_REQUEST", `not to be proxied: ${(cause as Error).message}`);
  if (error instanceof NotSent)
    return { kind: "not-sent", why: `${host} can not be reached${inBrackets(code)}` };
  if (code !== undefined && TIMEOUTS.has(code))
    return { kind: "timeout", why: `${host} took the request and did not answer in time` };
  if (cause instanceof errors.HTTPParserError || cause instanceof errors.HeadersOverflowError)
    return { kind: "broken", why: `${host} answered with what is no HTTP: ${cause.message}` };
  return {
    kind: "broken",
    why: `${host} took the request and broke off before it answered${inBrackets(code)}`,
  };
}

function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === "string" ? code : undefined;
}

function inBrackets(code: string | undefined): string {
  return code === undefined ? "" : ` (${code})`;
}
