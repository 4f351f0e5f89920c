import { isShardcastError, ShardcastError } from "./error.ts";
import { ERROR_TABLE, type ErrorCode, isErrorCode } from "./error-table.ts";

/** Media type of RFC 9457 problem details. */
export const PROBLEM_JSON = "application/problem+json";

/** An RFC 9457 problem document; `code` is the member to switch on. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly [extension: string]: unknown;
}

/** The document of an error. What is not a ShardcastError becomes SHARDCAST_INTERNAL and keeps its secrets. */
export function toProblem(error: unknown): Problem {
  const known = isShardcastError(error)
    ? error
    : new ShardcastError("SHARDCAST_INTERNAL", "an unexpected fault; see the log of the process");
  return {
    ...known.extensions,
    type: `urn:shardcast:problem:${known.code}`,
    title: ERROR_TABLE[known.code].title,
    status: known.status,
    detail: known.message,
    code: known.code,
    retryable: known.retryable,
  };
}

/** The error behind a problem document that came back in a reply; undefined when it is not one of ours. */
export function fromProblem(body: Uint8Array): ShardcastError | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const {
    type: _type,
    title: _title,
    retryable: _retryable,
    status,
    detail,
    code,
    ...extensions
  } = parsed as Record<string, unknown>;
  if (typeof code !== "string" || !isErrorCode(code)) return undefined;
  return new ShardcastError(code, typeof detail === "string" ? detail : ERROR_TABLE[code].title, {
    ...(Number.isInteger(status) ? { status: status as number } : {}),
    extensions,
  });
}
