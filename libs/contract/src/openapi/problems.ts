import { ERROR_TABLE, type ErrorCode, PROBLEM_JSON } from "@shardcast/protocol";
import type { JsonObject } from "../documents/json.ts";
import { problemOf } from "../documents/problem-schema.ts";
import type { Ref } from "../documents/schemas.ts";
import { headerRefs } from "./headers.ts";

/** What can come of any request to the gateway. */
export const GATEWAY_CODES = [
  "SHARDCAST_INVALID_REQUEST",
  "SHARDCAST_UNKNOWN_SERVICE",
  "SHARDCAST_REQUEST_TIMEOUT",
  "SHARDCAST_HEADERS_TOO_LARGE",
  "SHARDCAST_INTERNAL",
  "SHARDCAST_TOPIC_MISMATCH",
  "SHARDCAST_LOG_UNAVAILABLE",
  "SHARDCAST_LOG_REFUSED",
  "SHARDCAST_OVERLOADED",
  "SHARDCAST_CLOSED",
] as const satisfies readonly ErrorCode[];

/** What can come of a request that goes to a handler, beside that. */
export const HANDLER_CODES = [
  ...GATEWAY_CODES,
  "SHARDCAST_INVALID_KEY",
  "SHARDCAST_UNKNOWN_HANDLER",
  "SHARDCAST_CANCELLED",
  "SHARDCAST_BODY_TOO_LARGE",
  "SHARDCAST_HANDLER_REFUSED",
  "SHARDCAST_IDEMPOTENCY_MISMATCH",
  "SHARDCAST_LANE_BUSY",
  "SHARDCAST_KEY_BUSY",
  "SHARDCAST_ATTEMPTS_EXHAUSTED",
  "SHARDCAST_REPLY_TOO_LARGE",
  "SHARDCAST_MALFORMED_RECORD",
  "SHARDCAST_UNSUPPORTED_VERSION",
  "SHARDCAST_DEADLINE_EXCEEDED",
] as const satisfies readonly ErrorCode[];

/** A refusal whose status is not its code's. */
export interface Refusal {
  readonly status: number;
  readonly description: string;
  readonly schema: JsonObject;
}

/** Tells when to try again, where the gateway knows it. */
const RETRY_AFTER = new Set([429, 503]);

/** A response for each status of these codes and refusals, each with all that it may mean. */
export function problemResponses(
  problem: Ref,
  codes: readonly ErrorCode[],
  refusals: readonly Refusal[] = [],
): Record<string, JsonObject> {
  const responses: Record<string, JsonObject> = {};
  const statuses = new Set([
    ...codes.map((code) => ERROR_TABLE[code].status),
    ...refusals.map(({ status }) => status),
  ]);
  for (const status of [...statuses].sort((a, b) => a - b)) {
    const ours = codes.filter((code) => ERROR_TABLE[code].status === status);
    const theirs = refusals.filter((refusal) => refusal.status === status);
    const schemas = [
      ...(ours.length === 0 ? [] : [problemOf(problem, ours)]),
      ...theirs.map(({ schema }) => schema),
    ];
    const meanings = [
      ...ours.map((code) => `${code}: ${ERROR_TABLE[code].meaning}`),
      ...theirs.map(({ description }) => description),
    ];
    responses[status] = problemResponse(
      meanings.join("\n\n"),
      (schemas.length === 1 ? schemas[0] : { anyOf: schemas }) as JsonObject,
      RETRY_AFTER.has(status),
    );
  }
  return responses;
}

/** Of one status, or of all that are not told one by one. */
export function problemResponse(description: string, schema: JsonObject, retryAfter = false): JsonObject {
  return {
    description,
    headers: headerRefs(retryAfter ? ["Shardcast-Request-Id", "Retry-After"] : ["Shardcast-Request-Id"]),
    content: { [PROBLEM_JSON]: { schema } },
  };
}
