import { problemAnswer } from "@shardcast/http-words";
import { isShardcastError, ShardcastError } from "@shardcast/protocol";
import type { FastifyReply } from "fastify";

/** Answers with the problem document of an error. */
export function sendProblem(reply: FastifyReply, error: unknown): FastifyReply {
  const { status, headers, body } = problemAnswer(error);
  // A buffer, because Fastify would add a charset parameter to a string's type.
  return reply.code(status).headers(headers).send(body);
}

/**
 * What went wrong, in our words: Fastify's own refusals become rows of the table. Undefined for everything that is
 * not the caller's fault, which is to be logged and answered as SHARDCAST_INTERNAL.
 */
export function expectedError(error: unknown): ShardcastError | undefined {
  if (isShardcastError(error)) return error;
  if (!(error instanceof Error)) return undefined;
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new ShardcastError("SHARDCAST_BODY_TOO_LARGE", "the body is larger than this gateway takes");
    case "FST_ERR_MAX_PARAM_LENGTH":
      return new ShardcastError("SHARDCAST_INVALID_REQUEST", "a part of the path is too long");
    case "FST_ERR_BAD_URL":
      return new ShardcastError("SHARDCAST_INVALID_REQUEST", "the path is not percent-encoded UTF-8");
  }
  if (statusCode === 404) return new ShardcastError("SHARDCAST_NOT_FOUND", "no such route");
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500) {
    return new ShardcastError("SHARDCAST_INVALID_REQUEST", error.message, { cause: error });
  }
  return undefined;
}
