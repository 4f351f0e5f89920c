import { type ErrorCode, ShardcastError } from "@shardcast/protocol/errors";
import { type Answer, problemOf } from "./answer.ts";

/** What came of a call that was made once. */
export type Attempt<T> =
  | { readonly kind: "done"; readonly value: T }
  | {
      readonly kind: "failed";
      readonly error: ShardcastError;
      /** The gateway did not answer: what was asked may have happened, and a disconnection was noticed there. */
      readonly lost: boolean;
      /** How long to wait before it is tried again, if the answer said so. */
      readonly retryAfterMs?: number | undefined;
    };

export type Failed = Extract<Attempt<never>, { kind: "failed" }>;

/** What may be gone when the same call is made again. A gateway that closes is replaced by another one. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "SHARDCAST_LOG_UNAVAILABLE",
  "SHARDCAST_OVERLOADED",
  "SHARDCAST_LANE_BUSY",
  "SHARDCAST_KEY_BUSY",
  "SHARDCAST_CLOSED",
]);
/** The same where it is not the gateway that says so. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

export function isPassing({ error }: Failed): boolean {
  return PASSING.has(error.code);
}

/** No answer: the connection failed, or nothing came in time. */
export function lost(detail: string, cause?: unknown): Failed {
  return {
    kind: "failed",
    error: new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", detail, { cause }),
    lost: true,
  };
}

/** An answer that is not what was asked for. */
export function refused(answer: Answer): Failed {
  const error = problemOf(answer);
  const retryAfterMs = retryAfterOf(answer.headers);
  return error === undefined
    ? { kind: "failed", error: strangerError(answer), lost: true, retryAfterMs }
    : { kind: "failed", error, lost: false, retryAfterMs };
}

/** Of a proxy that does not reach the gateway, or does not let us through; of a page where no gateway is. */
function strangerError({ status, headers }: Answer): ShardcastError {
  const type = headers.get("content-type") ?? "no content type";
  const detail = `not an answer of a gateway: status ${status}, ${type}`;
  const code = PASSING_STATUSES.has(status) ? "SHARDCAST_LOG_UNAVAILABLE" : "SHARDCAST_LOG_REFUSED";
  return new ShardcastError(code, detail, status >= 400 ? { status } : {});
}

/** RFC 9110, 10.2.3: seconds, or a date. */
function retryAfterOf(headers: Headers): number | undefined {
  const text = headers.get("retry-after");
  if (text === null) return undefined;
  const ms = /^[0-9]{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
