import { ERROR_TABLE, PROBLEM_JSON, type Problem, toProblem } from "@shardcast/protocol";

/** Seconds after which trying again makes sense, where nothing better is known: a broker's election passes in about that. */
const RETRY_AFTER = "1";
/** Most that an error may say itself. */
const LONGEST_RETRY_AFTER = 60;
/** What an operator has to mend is tried by the gateway itself about every so many seconds. */
const RETRY_AFTER_OPERATOR = "5";

/** The problem document of an error, ready to be sent. */
export interface ProblemAnswer {
  readonly status: number;
  /** In lower case: its type, `retry-after` where trying again helps, and the request that failed, once it had an id. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What an error is answered with. */
export function problemAnswer(error: unknown): ProblemAnswer {
  const problem = withErrorStatus(toProblem(error));
  const { status, requestId } = problem;
  const headers: Record<string, string> = {};
  const retryAfter = retryAfterOf(problem);
  if (retryAfter !== undefined) headers["retry-after"] = retryAfter;
  // Always the id our client made: it says so over whatever a worker's problem document says.
  if (typeof requestId === "string") headers["shardcast-request-id"] = requestId;
  headers["content-type"] = PROBLEM_JSON;
  return { status, headers, body: Buffer.from(JSON.stringify(problem)) };
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
