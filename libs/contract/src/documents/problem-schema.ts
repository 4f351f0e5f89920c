import { ERROR_TABLE, type ErrorCode } from "@shardcast/protocol";
import type { JsonObject } from "./json.ts";
import type { Ref } from "./schemas.ts";

/** Every problem document there is (RFC 9457). */
export function problemSchema(): JsonObject {
  return {
    type: "object",
    description: "RFC 9457 problem details. Switch on `code`; the codes are explained in docs/errors.md.",
    required: ["type", "title", "status", "detail", "code", "retryable"],
    properties: {
      type: { type: "string", description: "`urn:shardcast:problem:` and the code" },
      title: { type: "string" },
      status: { type: "integer", minimum: 400, maximum: 599 },
      detail: { type: "string" },
      code: { type: "string", enum: Object.keys(ERROR_TABLE) },
      retryable: { type: "boolean", description: "The same request may succeed later" },
      requestId: { type: "string", description: "Of the request that failed, once it had one" },
      issues: {
        type: "array",
        description: "What does not fit the contract",
        items: {
          type: "object",
          required: ["pointer", "message"],
          properties: {
            pointer: {
              type: "string",
              description: "Where: a JSON pointer (RFC 6901), empty for the whole value",
            },
            message: { type: "string" },
          },
        },
      },
    },
  };
}

/** A problem with one of these codes. */
export function problemOf(problem: Ref, codes: readonly ErrorCode[]): JsonObject {
  return {
    allOf: [problem, { type: "object", properties: { code: { type: "string", enum: [...codes] } } }],
  };
}

/** A refusal that a handler declares. */
export function declaredProblem(
  problem: Ref,
  error: string,
  description: string | undefined,
  details: Ref | undefined,
): JsonObject {
  const code: ErrorCode = "SHARDCAST_HANDLER_REFUSED";
  return {
    ...(description === undefined ? {} : { description }),
    allOf: [
      problem,
      {
        type: "object",
        required: details === undefined ? ["error"] : ["error", "details"],
        properties: {
          code: { type: "string", const: code },
          error: { type: "string", const: error },
          ...(details === undefined ? {} : { details }),
        },
      },
    ],
  };
}
