import { invalidRequest, problemAnswer } from "@shardcast/http-words";
import { isShardcastError, ShardcastError } from "@shardcast/protocol";
import type { FastifyReply } from "fastify";

/** Answers with the problem document of an error, as a gateway does. */
export function sendProblem(reply: FastifyReply, error: unknown): FastifyReply {
  const { status, headers, body } = problemAnswer(error);
  // A buffer, because Fastify would add a charset parameter to a string's type.
  return reply.code(status).headers(headers).send(body);
}

/** What went wrong in our words; undefined for what is a fault of this process. */
export function expectedError(error: unknown): ShardcastError | undefined {
  if (isShardcastError(error)) return error;
  const { code, statusCode, message } = error as { code?: unknown; statusCode?: unknown; message?: unknown };
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    return new ShardcastError(
      "SHARDCAST_BODY_TOO_LARGE",
      "the body is larger than SHARDCAST_BODY_LIMIT_BYTES",
    );
  }
  if (typeof statusCode !== "number" || statusCode < 400 || statusCode >= 500) return undefined;
  return statusCode === 404 ? notOffered() : invalidRequest(String(message));
}

export function notOffered(): ShardcastError {
  return new ShardcastError("SHARDCAST_NOT_FOUND", "not offered by the sidecar; a gateway may have it");
}
