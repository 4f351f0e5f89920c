import { ShardcastError } from "@shardcast/protocol";
import { describe, expect, test } from "vitest";
import { classify, toShardcastError } from "../src/classify.ts";
import { protocolError } from "./support/fake-producers.ts";

const named = (name: string, message = "", more = {}) => Object.assign(new Error(message), { name, ...more });

describe("classify", () => {
  test.each([
    ["INVALID_PRODUCER_EPOCH", "fenced"],
    ["PRODUCER_FENCED", "fenced"],
    ["INVALID_PRODUCER_ID_MAPPING", "fenced"],
    ["FENCED_INSTANCE_ID", "fenced"],
    ["MESSAGE_TOO_LARGE", "too-large"],
    ["RECORD_LIST_TOO_LARGE", "too-large"],
    ["UNKNOWN_TOPIC_OR_PARTITION", "unknown-topic"],
    ["UNKNOWN_TOPIC_ID", "unknown-topic"],
    ["SASL_AUTHENTICATION_FAILED", "denied"],
    ["UNSUPPORTED_SASL_MECHANISM", "denied"],
    ["ILLEGAL_SASL_STATE", "denied"],
    ["TOPIC_AUTHORIZATION_FAILED", "refused"],
    ["GROUP_AUTHORIZATION_FAILED", "refused"],
    ["CLUSTER_AUTHORIZATION_FAILED", "refused"],
    ["TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "refused"],
    ["INVALID_TOPIC_EXCEPTION", "refused"],
    ["INVALID_PARTITIONS", "refused"],
    ["INVALID_REPLICATION_FACTOR", "refused"],
    ["INVALID_CONFIG", "refused"],
    ["INVALID_RECORD", "refused"],
    ["POLICY_VIOLATION", "refused"],
    ["NOT_LEADER_FOR_PARTITION", "moving"],
    ["LEADER_NOT_AVAILABLE", "moving"],
    ["NOT_COORDINATOR_FOR_GROUP", "moving"],
    ["GROUP_COORDINATOR_NOT_AVAILABLE", "moving"],
    ["COORDINATOR_LOAD_IN_PROGRESS", "moving"],
    ["GROUP_LOAD_IN_PROGRESS", "moving"],
    ["NOT_CONTROLLER", "moving"],
    ["CONCURRENT_TRANSACTIONS", "concurrent"],
    ["REQUEST_TIMED_OUT", "unavailable"],
    ["NOT_ENOUGH_REPLICAS", "unavailable"],
    ["OUT_OF_ORDER_SEQUENCE_NUMBER", "unavailable"],
  ])("the broker's %s is %s", (type, fault) => {
    expect(classify(protocolError(type))).toBe(fault);
  });

  test.each([
    [90, "fenced"],
    [87, "refused"],
    [120, "unavailable"],
  ])("error code %i, which kafkajs may not know, is %s", (code, fault) => {
    // kafkajs's own shape: the number is in the message only
    expect(classify(protocolError("KAFKAJS_UNKNOWN_ERROR_CODE", `Unknown error code ${code}`))).toBe(fault);
  });

  test.each(["TypeError", "RangeError", "ReferenceError", "SyntaxError"])(
    "a %s is a bug, which may pass",
    (name) => {
      const error = new Error("retries exceeded", { cause: named(name) });
      expect(classify(error)).toBe("bug");
      expect(toShardcastError(error, "append").code).toBe("SHARDCAST_LOG_UNAVAILABLE");
    },
  );

  test.each([
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "ERR_TLS_CERT_ALTNAME_INVALID",
  ])("a certificate that does not hold is denied: %s", (code) => {
    expect(classify(named("KafkaJSConnectionError", "Connection error", { code }))).toBe("denied");
  });

  test.each(["ECONNREFUSED", "ECONNRESET", "ENOTFOUND", "EPIPE"])("%s is unavailable", (code) => {
    expect(classify(named("KafkaJSConnectionError", "Connection error", { code }))).toBe("unavailable");
  });

  test("wrong credentials are denied, a connection that breaks while they are told is not", () => {
    const sasl = (why: string) =>
      classify(named("KafkaJSSASLAuthenticationError", `SASL PLAIN authentication failed: ${why}`));
    expect(sasl("Authentication failed: Invalid username or password")).toBe("denied");
    expect(sasl("Closed connection")).toBe("unavailable");
    expect(sasl("Connection error: read ECONNRESET")).toBe("unavailable");
    expect(sasl("Request SaslAuthenticate(key: 36, version: 1) timed out")).toBe("unavailable");
  });

  test("our own verdict is refused, unless it is that the log is away", () => {
    expect(classify(new ShardcastError("SHARDCAST_CLOSED", "closed"))).toBe("refused");
    expect(classify(new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "away"))).toBe("unavailable");
  });

  test("what is no error at all is unavailable", () => {
    for (const each of [undefined, null, "text", 7, {}]) expect(classify(each)).toBe("unavailable");
  });

  test("an inner error decides: by cause, by originalError, among the errors of an aggregate", () => {
    const inner = protocolError("MESSAGE_TOO_LARGE");
    expect(classify(new Error("retries exceeded", { cause: inner }))).toBe("too-large");
    expect(classify(named("KafkaJSError", "", { originalError: inner }))).toBe("too-large");
    expect(classify(new Error("a", { cause: new Error("b", { cause: inner }) }))).toBe("too-large");
    const exists = protocolError("TOPIC_ALREADY_EXISTS");
    expect(classify(new AggregateError([exists, protocolError("POLICY_VIOLATION")]))).toBe("refused");
  });

  test("an outer error that tells something goes before its cause", () => {
    const error = protocolError("TOPIC_AUTHORIZATION_FAILED");
    error.cause = protocolError("LEADER_NOT_AVAILABLE");
    expect(classify(error)).toBe("refused");
  });

  test("an error that causes itself holds nobody", () => {
    const error = new Error("loop");
    error.cause = error;
    expect(classify(error)).toBe("unavailable");
  });
});

describe("toShardcastError", () => {
  test.each([
    ["PRODUCER_FENCED", "SHARDCAST_FENCED"],
    ["MESSAGE_TOO_LARGE", "SHARDCAST_BODY_TOO_LARGE"],
    ["TOPIC_AUTHORIZATION_FAILED", "SHARDCAST_LOG_REFUSED"],
    ["SASL_AUTHENTICATION_FAILED", "SHARDCAST_LOG_REFUSED"],
    ["UNKNOWN_TOPIC_OR_PARTITION", "SHARDCAST_LOG_REFUSED"],
    ["LEADER_NOT_AVAILABLE", "SHARDCAST_LOG_UNAVAILABLE"],
    ["CONCURRENT_TRANSACTIONS", "SHARDCAST_LOG_UNAVAILABLE"],
    ["REQUEST_TIMED_OUT", "SHARDCAST_LOG_UNAVAILABLE"],
  ])("%s becomes %s", (type, code) => {
    const cause = protocolError(type);
    expect(toShardcastError(cause, "append")).toMatchObject({ code, cause });
  });

  test("says what was done and the reason that decided, with its topic", () => {
    const denied = Object.assign(protocolError("POLICY_VIOLATION", "too many partitions"), {
      topic: "s.requests",
    });
    const error = new AggregateError([denied], "Topic creation errors");
    expect(toShardcastError(error, "topics").message).toBe("topics: s.requests: too many partitions");
    expect(toShardcastError("gone", "append").message).toBe("append: gone");
  });

  test("leaves an error of ours as it is", () => {
    const ours = new ShardcastError("SHARDCAST_TOPIC_MISMATCH", "3 partitions, not 4");
    expect(toShardcastError(ours, "topics")).toBe(ours);
  });
});
