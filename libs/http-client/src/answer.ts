import { fromProblem, PROBLEM_JSON, ShardcastError } from "@shardcast/protocol/errors";

/** A response that has come in full. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** The request that an answer is about; every answer to one says it. */
export const REQUEST_ID = "shardcast-request-id";

const NEWER_PROBLEM = "urn:shardcast:problem:";

/** The object that an answer brings as JSON; undefined when it brings none. */
export function jsonOf({ headers, body }: Answer): Readonly<Record<string, unknown>> | undefined {
  const type = headers.get("content-type") ?? "";
  return /^application\/(?:[a-z0-9.-]+\+)?json\b/.test(type) ? parsed(body) : undefined;
}

/** The error that an answer brings, with the request it is about; undefined when it is no problem of ours. */
export function problemOf(answer: Answer): ShardcastError | undefined {
  const { status, headers, body } = answer;
  if (!headers.get("content-type")?.startsWith(PROBLEM_JSON)) return undefined;
  const error = fromProblem(body) ?? newerProblem(answer);
  const requestId = headers.get(REQUEST_ID);
  if (error === undefined || requestId === null || "requestId" in error.extensions) return error;
  const { code, message, extensions } = error;
  return new ShardcastError(code, message, { status, extensions: { ...extensions, requestId } });
}

/** Of a gateway or a worker that has more codes than we know. */
function newerProblem({ status, body }: Answer): ShardcastError | undefined {
  const { type, detail } = parsed(body) ?? {};
  if (typeof type !== "string" || !type.startsWith(NEWER_PROBLEM)) return undefined;
  const text = `${type.slice(NEWER_PROBLEM.length)}: ${String(detail)}`;
  return new ShardcastError("SHARDCAST_UNSUPPORTED_VERSION", text, { status });
}

function parsed(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
