import { isShardcastError, ShardcastError } from "@shardcast/protocol";

/** What an error of kafkajs means to us. One function decides; every branch says why. */
export type Fault =
  | "fenced"
  | "too-large"
  | "refused"
  | "denied"
  | "concurrent"
  | "unknown-topic"
  | "moving"
  | "bug"
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
  /AUTHORIZATION_FAILED$|^(INVALID_RECORD|INVALID_TOPIC_EXCEPTION|POLICY_VIOLATION|INVALID_PARTITIONS|INVALID_REPLICATION_FACTOR|INVALID_CONFIG)$/;
/** The last is what kafkajs's own oauthbearer, from code, makes of a refused token. */
const DENIED = new Set(["SASL_AUTHENTICATION_FAILED", "UNSUPPORTED_SASL_MECHANISM", "ILLEGAL_SASL_STATE"]);
/** OpenSSL's and Node's codes for certificates that do not hold, and for the other side speaking no TLS. */
const CERTIFICATE = /CERT|^UNABLE_TO_|^ERR_SSL_/;
const BROKEN_OFF =
  /^SASL \S+ authentication failed: (Closed connection|Connection |Not connected|Request .* timed out)/;
const MOVING =
  /^(NOT_LEADER_FOR_PARTITION|LEADER_NOT_AVAILABLE|.*COORDINATOR.*|GROUP_LOAD_IN_PROGRESS|NOT_CONTROLLER)$/;
/** kafkajs does not know the newest error codes: their number is in the message only. */
const UNKNOWN_CODE = /^Unknown error code (\d+)$/;
const NEWER_TYPES: Readonly<Record<string, string>> = { 87: "INVALID_RECORD", 90: "PRODUCER_FENCED" };
/** Errors come from outside: one that causes itself must not hold us. */
const MAX_DEPTH = 8;

/** kafkajs wraps errors in errors; the outermost that has a protocol type or a telling name decides. */
export function classify(error: unknown): Fault {
  return diagnose(error).fault;
}

/** The error for our callers; one that is ours already stays. */
export function toShardcastError(error: unknown, doing: string): ShardcastError {
  if (isShardcastError(error)) return error;
  const { fault, reason } = diagnose(error);
  const cause = { cause: error };
  switch (fault) {
    case "fenced":
      return new ShardcastError("SHARDCAST_FENCED", `${doing}: ${reason}`, cause);
    case "too-large": {
      const detail = `${doing}: the broker refuses a record of this size`;
      return new ShardcastError("SHARDCAST_BODY_TOO_LARGE", detail, cause);
    }
    case "refused":
    case "denied":
    case "unknown-topic":
      return new ShardcastError("SHARDCAST_LOG_REFUSED", `${doing}: ${reason}`, cause);
    case "concurrent":
    case "moving":
    case "bug":
    case "unavailable":
      return new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", `${doing}: ${reason}`, cause);
  }
}

function diagnose(error: unknown): { readonly fault: Fault; readonly reason: string } {
  // Our own verdict on an answer: the log was there.
  if (isShardcastError(error) && error.code !== "SHARDCAST_LOG_UNAVAILABLE") {
    return { fault: "refused", reason: error.message };
  }
  for (const each of chain(error)) {
    const fault = verdictOn(each);
    if (fault !== undefined) return { fault, reason: reasonOf(each) };
  }
  // Connections, time-outs, elections, brokers without a controller: the log is away or changing hands.
  return { fault: "unavailable", reason: reasonOf(error) };
}

function verdictOn(error: object): Fault | undefined {
  const { name, code, message } = error as Partial<Record<string, unknown>>;
  const type = typeOf(error);
  // kafkajs stumbles over states of its own, above all while a broker restarts, and a new client of it does not; so this
  // says nothing final. But a record that it can not encode looks the same.
  if (PROGRAMMING.has(String(name))) return "bug";
  // Another producer has our transactional id: nothing this one does can succeed any more.
  if (FENCED.has(type)) return "fenced";
  // The broker's answer is about the record itself; the same bytes will never be taken.
  if (TOO_LARGE.has(type)) return "too-large";
  // Retrying helps only after somebody creates the topic.
  if (UNKNOWN_TOPIC.has(type)) return "unknown-topic";
  // One side does not believe the other: credentials or certificates have to be put right.
  if (DENIED.has(type) || CERTIFICATE.test(String(code))) return "denied";
  // kafkajs says so too where the connection broke in the middle of it, which says nothing about the credentials.
  if (name === "KafkaJSSASLAuthenticationError") {
    return BROKEN_OFF.test(String(message)) ? "unavailable" : "denied";
  }
  // An operator has to grant or configure something, or the record is not what the topic takes.
  if (REFUSED.test(type)) return "refused";
  // Leaders and coordinators change hands, or are being chosen: a matter of a moment.
  if (MOVING.test(type)) return "moving";
  // The last transaction's markers are still being written: a matter of milliseconds.
  if (type === "CONCURRENT_TRANSACTIONS") return "concurrent";
  return undefined;
}

/** The name of the broker's error code; empty for what is not the broker's answer. */
function typeOf(error: object): string {
  const { type, message } = error as Partial<Record<string, unknown>>;
  const newer = UNKNOWN_CODE.exec(String(message))?.[1];
  return (newer === undefined ? undefined : NEWER_TYPES[newer]) ?? (typeof type === "string" ? type : "");
}

/** What kafkajs says, and what it leaves out: that it is about authentication, or which topic. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (typeOf(error) === "ILLEGAL_SASL_STATE") return `authentication failed: ${error.message}`;
  const { topic } = error as { topic?: unknown };
  return typeof topic === "string" ? `${topic}: ${error.message}` : error.message;
}

/** An error and those within it, each before what caused it. */
function* chain(error: unknown, depth = 0): Generator<object> {
  if (typeof error !== "object" || error === null || depth > MAX_DEPTH) return;
  yield error;
  const { errors, cause, originalError } = error as Partial<Record<string, unknown>>;
  if (Array.isArray(errors)) for (const each of errors) yield* chain(each, depth + 1);
  yield* chain(cause ?? originalError, depth + 1);
}
