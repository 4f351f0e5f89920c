import { isShardcastError, ShardcastError } from "@shardcast/protocol";

/** What an error of kafkajs means to us. One function decides; every branch says why. */
export type Fault =
  | "fenced"
  | "too-large"
  | "refused"
  | "concurrent"
  | "unknown-topic"
  | "moving"
  | "unavailable";

const FENCED = new Set([
  "INVALID_PRODUCER_EPOCH",
  "PRODUCER_FENCED",
  "INVALID_PRODUCER_ID_MAPPING",
  "FENCED_INSTANCE_ID",
]);
const PROGRAMMING = new Set(["TypeError", "RangeError", "ReferenceError", "SyntaxError"]);
const TOO_LARGE = new Set(["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"]);
const UNKNOWN_TOPIC = new Set(["UNKNOWN_TOPIC_OR_PARTITION", "UNKNOWN_TOPIC_ID"]);
const REFUSED =
  /AUTHORIZATION_FAILED$|^SASL_AUTHENTICATION_FAILED$|^UNSUPPORTED_SASL_MECHANISM$|^INVALID_TOPIC_EXCEPTION$|^POLICY_VIOLATION$|^INVALID_REPLICATION_FACTOR$|^INVALID_CONFIG$/;
const MOVING =
  /^(NOT_LEADER_FOR_PARTITION|LEADER_NOT_AVAILABLE|.*COORDINATOR.*|GROUP_LOAD_IN_PROGRESS|NOT_CONTROLLER)$/;
/** Error code 90, newer than kafkajs: it gives such codes no type. */
const PRODUCER_FENCED_CODE = 90;

/** kafkajs wraps errors in errors; the innermost that has a protocol type or a telling name decides. */
export function classify(error: unknown): Fault {
  // Our own verdict on an answer: the log was there.
  if (isShardcastError(error) && error.code !== "SHARDCAST_LOG_UNAVAILABLE") return "refused";
  for (const each of chain(error)) {
    const { type, name, code } = each as { type?: string; name?: string; code?: unknown };
    // A bug, ours or kafkajs's: the same call would fail again.
    if (name !== undefined && PROGRAMMING.has(name)) return "refused";
    // Another producer has our transactional id: nothing this one does can succeed any more.
    if ((type !== undefined && FENCED.has(type)) || code === PRODUCER_FENCED_CODE) return "fenced";
    // The broker's answer is about the record itself; the same bytes will never be taken.
    if (type !== undefined && TOO_LARGE.has(type)) return "too-large";
    // Retrying helps only after somebody creates the topic.
    if (type !== undefined && UNKNOWN_TOPIC.has(type)) return "unknown-topic";
    // An operator has to grant or configure something.
    if (type !== undefined && REFUSED.test(type)) return "refused";
    if (name === "KafkaJSSASLAuthenticationError") return "refused";
    // Leaders and coordinators change hands, or are being chosen: a matter of a moment.
    if (type !== undefined && MOVING.test(type)) return "moving";
    // The last transaction's markers are still being written: a matter of milliseconds.
    if (type === "CONCURRENT_TRANSACTIONS") return "concurrent";
  }
  // Connections, time-outs, elections, brokers without a controller: the log is away or changing hands.
  return "unavailable";
}

/** The error for our callers. */
export function toShardcastError(error: unknown, doing: string): ShardcastError {
  const reason = error instanceof Error ? error.message : String(error);
  switch (classify(error)) {
    case "fenced":
      return new ShardcastError("SHARDCAST_FENCED", `${doing}: ${reason}`, { cause: error });
    case "too-large":
      return new ShardcastError(
        "SHARDCAST_BODY_TOO_LARGE",
        `${doing}: the broker refuses a record of this size`,
        {
          cause: error,
        },
      );
    case "refused":
    case "unknown-topic":
      return new ShardcastError("SHARDCAST_LOG_REFUSED", `${doing}: ${reason}`, { cause: error });
    case "concurrent":
    case "moving":
    case "unavailable":
      return new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", `${doing}: ${reason}`, { cause: error });
  }
}

function* chain(error: unknown): Generator<object> {
  let each = error;
  for (let depth = 0; depth < 8 && typeof each === "object" && each !== null; depth++) {
    yield each;
    const { cause, originalError } = each as { cause?: unknown; originalError?: unknown };
    each = cause ?? originalError;
  }
}
