import {
  ERROR_TABLE,
  isShardcastError,
  PROBLEM_JSON,
  type Problem,
  ShardcastError,
  toProblem,
} from "@shardcast/protocol";
import type { FastifyReply } from "fastify";

/** Seconds after which trying again makes sense, where nothing better is known: a broker's election passes in about that. */
const RETRY_AFTER = "1";
/** Most that an error may say itself. */
const LONGEST_RETRY_AFTER = 60;
/** What an operator has to mend is tried by the gateway itself about every so many seconds. */
const RETRY_AFTER_OPERATOR = "5";

/** The problem document of an error, ready to be sent. */
export interface ProblemAnswer {
  readonly status: number;
  readonly body: Buffer;
  /** Value of Retry-After, where trying again helps. */
  readonly retryAfter?: string;
  /** The request that failed, once it had an id. */
  readonly requestId?: string;
}

export function problemAnswer(error: unknown): ProblemAnswer {
  const problem = withErrorStatus(toProblem(error));
  const { status, requestId } = problem;
  const retryAfter = retryAfterOf(problem);
  return {
    status,
    body: Buffer.from(JSON.stringify(problem)),
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...(typeof requestId === "string" ? { requestId } : {}),
  };
}

/** Answers with the problem document of an error. */
export function sendProblem(reply: FastifyReply, error: unknown): FastifyReply {
  const { status, body, retryAfter, requestId } = problemAnswer(error);
  if (retryAfter !== undefined) reply.header("retry-after", retryAfter);
  // Always the id our client made: it says so over whatever a worker's problem document says.
  if (requestId !== undefined) reply.header("shardcast-request-id", requestId);
  // A buffer, because Fastify would add a charset parameter to a string's type.
  return reply.code(status).header("content-type", PROBLEM_JSON).send(body);
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

/** Where trying again helps: for an unchanged request, or since the service is to be mended. */
function retryAfterOf({ status, code, retryable, retryAfterSeconds }: Problem): string | undefined {
  if (status !== 429 && status !== 503) return undefined;
  if (retryable) return isRetryAfter(retryAfterSeconds) ? String(retryAfterSeconds) : RETRY_AFTER;
  const mended = code === "SHARDCAST_TOPIC_MISMATCH" || code === "SHARDCAST_LOG_REFUSED";
  return mended ? RETRY_AFTER_OPERATOR : undefined;
}

/** From our client, by how fast the lane answers (C7); a worker's problem may say anything. */
function isRetryAfter(seconds: unknown): boolean {
  return Number.isInteger(seconds) && Number(seconds) >= 1 && Number(seconds) <= LONGEST_RETRY_AFTER;
}

/** A worker's problem may say any number; only an error status may be one here. */
function withErrorStatus(problem: Problem): Problem {
  const { status, code } = problem;
  if (status >= 400 && status <= 599) return problem;
  return { ...problem, status: ERROR_TABLE[code].status };
}
