import { isShardcastError, PROBLEM_JSON, ShardcastError, toProblem } from "@shardcast/protocol";
import type { FastifyReply } from "fastify";

/** Seconds after which trying again makes sense, where nothing better is known. */
const RETRY_AFTER = 1;

/** Answers with the problem document of an error, as a gateway does. */
export function sendProblem(reply: FastifyReply, error: unknown): FastifyReply {
  const problem = toProblem(error);
  const { retryable, requestId, retryAfterSeconds } = problem;
  const status = problem.status >= 400 && problem.status <= 599 ? problem.status : 502;
  if (retryable && (status === 429 || status === 503)) {
    reply.header(
      "retry-after",
      Number.isInteger(retryAfterSeconds) ? Number(retryAfterSeconds) : RETRY_AFTER,
    );
  }
  if (typeof requestId === "string") reply.header("shardcast-request-id", requestId);
  // A buffer, because Fastify would add a charset parameter to a string's type.
  return reply
    .code(status)
    .header("content-type", PROBLEM_JSON)
    .send(Buffer.from(JSON.stringify(problem)));
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

export function invalidRequest(detail: string): ShardcastError {
  return new ShardcastError("SHARDCAST_INVALID_REQUEST", detail);
}

export function notOffered(): ShardcastError {
  return new ShardcastError("SHARDCAST_NOT_FOUND", "not offered by the sidecar; a gateway may have it");
}
