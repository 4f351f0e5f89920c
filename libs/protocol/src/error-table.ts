/** One row of the table: what a code means to a machine (`status`, `retryable`) and to a person (`meaning`). */
export interface ErrorRow {
  /** HTTP status where the error shows over HTTP. */
  readonly status: number;
  /** True when the same call may succeed later without being changed. */
  readonly retryable: boolean;
  /** The problem's title: short, the same for every occurrence. */
  readonly title: string;
  /** What it means and what to do, for docs/errors.md. */
  readonly meaning: string;
}

/**
 * Every error of Shardcast. A code, once published, is never renamed and never used again for something else.
 * docs/errors.md repeats this table; a test fails when the two disagree.
 */
export const ERROR_TABLE = {
  SHARDCAST_INVALID_REQUEST: {
    status: 400,
    retryable: false,
    title: "Invalid request",
    meaning: "A header, path or option of the call is not valid; `detail` names it.",
  },
  SHARDCAST_INVALID_KEY: {
    status: 400,
    retryable: false,
    title: "Invalid shard key",
    meaning: "The shard key is empty, too long, or not what the service's lane strategy takes.",
  },
  SHARDCAST_INVALID_CONFIG: {
    status: 500,
    retryable: false,
    title: "Invalid configuration",
    meaning: "Options or environment variables are missing or wrong; every fault is listed by name.",
  },
  SHARDCAST_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: "No such route",
    meaning: "The gateway has no such path or method.",
  },
  SHARDCAST_UNKNOWN_SERVICE: {
    status: 404,
    retryable: false,
    title: "Unknown service",
    meaning: "The gateway does not serve a service of this name.",
  },
  SHARDCAST_UNKNOWN_HANDLER: {
    status: 404,
    retryable: false,
    title: "Unknown handler",
    meaning:
      "The worker has no handler of this name and no default one; of a broadcast, this member has none.",
  },
  SHARDCAST_UNKNOWN_REQUEST: {
    status: 404,
    retryable: false,
    title: "Unknown request",
    meaning:
      "No request of this id is recorded: it never was, its time is over, or it was sent without `Prefer` and `Idempotency-Key`.",
  },
  SHARDCAST_UNKNOWN_BROADCAST: {
    status: 404,
    retryable: false,
    title: "Unknown broadcast",
    meaning: "No broadcast of this id is known: it never was, or its time is over.",
  },
  SHARDCAST_ALREADY_ENDED: {
    status: 409,
    retryable: false,
    title: "Already ended",
    meaning: "The request has ended and can not be cancelled any more; its outcome can still be asked for.",
  },
  SHARDCAST_CANCELLED: {
    status: 410,
    retryable: false,
    title: "Cancelled",
    meaning: "The request was cancelled before it ended. Its handler may have been stopped half-way.",
  },
  SHARDCAST_ABORTED: {
    status: 499,
    retryable: true,
    title: "Aborted by the caller",
    meaning: "The caller gave up waiting. The request may still be handled: it is on the log.",
  },
  SHARDCAST_REQUEST_TIMEOUT: {
    status: 408,
    retryable: true,
    title: "Request too slow",
    meaning: "The caller's request did not arrive within the time the gateway reads it in.",
  },
  SHARDCAST_BODY_TOO_LARGE: {
    status: 413,
    retryable: false,
    title: "Body too large",
    meaning: "The request is larger than one record of the log may be.",
  },
  SHARDCAST_HANDLER_REFUSED: {
    status: 422,
    retryable: false,
    title: "Refused by the handler",
    meaning:
      "The handler threw a TerminalError: trying again would not help. It may set another 4xx or 5xx status.",
  },
  SHARDCAST_IDEMPOTENCY_MISMATCH: {
    status: 422,
    retryable: false,
    title: "Idempotency key used before",
    meaning:
      "Another request with this idempotency key, but another body, handler or content type, came first (C5).",
  },
  SHARDCAST_KEY_PARKED: {
    status: 423,
    retryable: false,
    title: "Key parked",
    meaning:
      "An earlier request of this key lies in the dead letters; this one lies there behind it, and goes on after it (C9).",
  },
  SHARDCAST_LANE_BUSY: {
    status: 429,
    retryable: true,
    title: "Lane busy",
    meaning: "Too many requests wait for answers from this key's lane; try again after `Retry-After`.",
  },
  SHARDCAST_KEY_BUSY: {
    status: 429,
    retryable: true,
    title: "Key busy",
    meaning:
      "Too many requests of this key are in flight; other keys are not affected. Try again after `Retry-After`.",
  },
  SHARDCAST_HEADERS_TOO_LARGE: {
    status: 431,
    retryable: false,
    title: "Headers too large",
    meaning: "The request line and headers are larger than the gateway reads.",
  },
  SHARDCAST_INTERNAL: {
    status: 500,
    retryable: false,
    title: "Internal error",
    meaning: "A fault of Shardcast itself; the log of the process says more. Please report it.",
  },
  SHARDCAST_ATTEMPTS_EXHAUSTED: {
    status: 502,
    retryable: false,
    title: "Handler failed",
    meaning: "The handler failed at every attempt it was allowed; the request is in the dead letters.",
  },
  SHARDCAST_REPLY_TOO_LARGE: {
    status: 502,
    retryable: false,
    title: "Reply too large",
    meaning: "The handler finished, but its reply is larger than one record of the log may be.",
  },
  SHARDCAST_MALFORMED_RECORD: {
    status: 502,
    retryable: false,
    title: "Malformed record",
    meaning: "A record on the log is not a request; it is in the dead letters with the reason.",
  },
  SHARDCAST_UNSUPPORTED_VERSION: {
    status: 502,
    retryable: false,
    title: "Unsupported protocol version",
    meaning: "A record was written by a newer Shardcast than its reader; upgrade workers before gateways.",
  },
  SHARDCAST_UPSTREAM_FAILED: {
    status: 502,
    retryable: false,
    title: "Owner broke off",
    meaning:
      "The replica or backend that a request was proxied to broke off before it answered, or is where nothing may be proxied to. It may have seen the request.",
  },
  SHARDCAST_TOPIC_MISMATCH: {
    status: 500,
    retryable: false,
    title: "Topic does not fit",
    meaning: "An existing topic has another partition count or cleanup policy than the service needs.",
  },
  SHARDCAST_NO_MEMBERS: {
    status: 503,
    retryable: true,
    title: "No members",
    meaning:
      "No member of the service takes broadcasts, or none is known yet, so that there is nobody whose acknowledgement could be awaited; `ack=none` does without.",
  },
  SHARDCAST_NO_OWNER: {
    status: 503,
    retryable: true,
    title: "No owner",
    meaning:
      "The request was to be proxied, and its key has no owner or backend that can be reached, also not within the time that it was held. It was not sent.",
  },
  SHARDCAST_FENCED: {
    status: 503,
    retryable: true,
    title: "Fenced",
    meaning:
      "A newer process has this member's identity; this one has ended, and may neither own lanes nor speak for it.",
  },
  SHARDCAST_LOG_UNAVAILABLE: {
    status: 503,
    retryable: true,
    title: "Log unavailable",
    meaning:
      "Kafka can not be reached, or did not confirm in time. The request was not accepted (it may still be on the log).",
  },
  SHARDCAST_LOG_REFUSED: {
    status: 503,
    retryable: false,
    title: "Log refused",
    meaning: "Kafka answers but refuses the call: authentication, authorisation or a missing topic.",
  },
  SHARDCAST_OVERLOADED: {
    status: 503,
    retryable: true,
    title: "Overloaded",
    meaning: "As many requests as this process may hold are in flight; try again after `Retry-After`.",
  },
  SHARDCAST_CLOSED: {
    status: 503,
    retryable: true,
    title: "Shutting down",
    meaning: "This process is closing and takes no new work; another one will.",
  },
  SHARDCAST_UPSTREAM_TIMEOUT: {
    status: 504,
    retryable: false,
    title: "Owner did not answer",
    meaning: "The replica or backend that a request was proxied to took it and did not answer in time.",
  },
  SHARDCAST_DEADLINE_EXCEEDED: {
    status: 504,
    retryable: true,
    title: "Deadline exceeded",
    meaning:
      "The caller's time ran out before the reply came. If the request was accepted, it may still be handled.",
  },
  SHARDCAST_PROXY_LOOP: {
    status: 508,
    retryable: false,
    title: "Proxied in a circle",
    meaning:
      "A proxied request has come back to a gateway that it passed before; an owner's URL leads there.",
  },
} as const satisfies Record<string, ErrorRow>;

/** The stable code of an error, e.g. `SHARDCAST_LANE_BUSY`. */
export type ErrorCode = keyof typeof ERROR_TABLE;

export function isErrorCode(value: string): value is ErrorCode {
  return Object.hasOwn(ERROR_TABLE, value);
}
