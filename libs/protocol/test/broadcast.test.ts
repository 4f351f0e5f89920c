import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ACK_PARTITIONS,
  ackPartitionOf,
  ackText,
  type BroadcastEnvelope,
  decodeBroadcast,
  encodeBroadcast,
  encodeBroadcastCancel,
  type IncomingRecord,
  idempotentBroadcastId,
  idempotentRequestId,
  MAX_EXPECTED,
  newBroadcastId,
  newRequestId,
  parseAck,
} from "../src/index.ts";
import { broadcasts, buffers, garbage, throughTheLog } from "./arbitraries.ts";

const ONE: BroadcastEnvelope = {
  id: newBroadcastId(),
  service: "accounts",
  handler: "reload",
  headers: {},
  body: Buffer.from("rates"),
  acceptedMs: 1,
  expiresMs: 2,
  ack: { kind: "all" },
  epoch: 3,
  expected: [{ member: "0" }],
  targeted: false,
};

/** A broadcast whose headers are as given; undefined takes one away. */
function forged(headers: Readonly<Record<string, string | undefined>>, more: Partial<IncomingRecord> = {}) {
  const record = throughTheLog(encodeBroadcast(ONE));
  return { ...record, ...more, headers: { ...record.headers, ...headers } };
}

function told(record: IncomingRecord): string {
  return decodeBroadcast(record, "accounts").kind;
}

describe("a broadcast", () => {
  test("C6: comes back from the log as it was, with whom it expects", () => {
    fc.assert(
      fc.property(broadcasts, (broadcast) => {
        const decoded = decodeBroadcast(throughTheLog(encodeBroadcast(broadcast)), broadcast.service);
        expect(decoded).toEqual({ kind: "broadcast", broadcast });
      }),
      { numRuns: 500 },
    );
  });

  test("and its cancel have the same key", () => {
    const cancel = encodeBroadcastCancel("accounts", ONE.id);
    expect(cancel.key).toEqual(encodeBroadcast(ONE).key);
    expect(decodeBroadcast(throughTheLog(cancel), "accounts")).toEqual({ kind: "cancel", id: ONE.id });
  });

  test.each<[string, IncomingRecord]>([
    ["without a version", forged({ "sc-version": undefined })],
    ["of another service", forged({ "sc-service": "orders" })],
    ["without a key", forged({}, { key: null })],
    ["whose key is no id", forged({}, { key: Buffer.from("x") })],
    [
      "whose id names no partition of the acks",
      forged({}, { key: Buffer.from(newRequestId(ACK_PARTITIONS)) }),
    ],
    ["of a kind nobody knows", forged({ "sc-kind": "recall" })],
    ["whose handler has control characters", forged({ "sc-handler": "a\n" })],
    ["without a time to live", forged({ "sc-deadline": undefined })],
    ["whose epoch is a fraction", forged({ "sc-epoch": "1.5" })],
    ["that nobody knows who has to acknowledge", forged({ "sc-ack": "most" })],
    ["that wants no acknowledgement by number", forged({ "sc-ack": "0" })],
    ["whose members are no list", forged({ "sc-expected": "{}" })],
    ["whose members are not JSON", forged({ "sc-expected": "[" })],
    ["that expects nobody by name", forged({ "sc-expected": '[""]' })],
    [
      "with more members than there may be",
      forged({ "sc-expected": JSON.stringify(Array(MAX_EXPECTED + 1).fill("0")) }),
    ],
  ])("%s is malformed", (_, record) => {
    expect(told(record)).toBe("malformed");
  });

  test("whatever lies on the log is one or none, and nothing throws", () => {
    const header = fc.constantFrom(
      ...[
        "sc-ack",
        "sc-at",
        "sc-deadline",
        "sc-epoch",
        "sc-expected",
        "sc-kind",
        "sc-targeted",
        "sc-service",
      ],
    );
    const value = fc.oneof(fc.string(), fc.json(), buffers.map(String));
    const oneWrong = fc.tuple(header, value).map(([name, text]) => forged({ [name]: text }));
    fc.assert(
      fc.property(fc.oneof(garbage, oneWrong), (record) => {
        const decoded = decodeBroadcast(record, "accounts");
        if (decoded.kind !== "broadcast") return;
        expect(decodeBroadcast(throughTheLog(encodeBroadcast(decoded.broadcast)), "accounts")).toEqual(
          decoded,
        );
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("the id of a broadcast", () => {
  test("says which partition of the acks is its own, so that all about it is in one order (C6)", () => {
    const found = Array.from({ length: 200 }, () => ackPartitionOf(newBroadcastId()));
    expect(new Set(found)).toEqual(new Set([0, 1, 2, 3]));
    expect(ackPartitionOf("x")).toBeUndefined();
  });

  test("with an idempotency key is the same for everybody, and another for another service or key (C5)", () => {
    const id = idempotentBroadcastId("accounts", "job-1");
    expect(idempotentBroadcastId("accounts", "job-1")).toBe(id);
    expect(idempotentBroadcastId("orders", "job-1")).not.toBe(id);
    expect(idempotentBroadcastId("accounts", "job-2")).not.toBe(id);
    expect(idempotentRequestId("accounts", Buffer.from("k"), "job-1", 0).slice(0, 30)).not.toBe(
      id.slice(0, 30),
    );
    const found = Array.from({ length: 200 }, (_, i) =>
      ackPartitionOf(idempotentBroadcastId("a", `job-${i}`)),
    );
    expect(new Set(found)).toEqual(new Set([0, 1, 2, 3]));
  });
});

test("whose acknowledgements are needed is read as it is written", () => {
  for (const text of ["all", "quorum", "none", "1", "99999"]) {
    const ack = parseAck(text);
    expect(ack && ackText(ack)).toBe(text);
  }
  for (const text of ["", "0", "01", "-1", "100000", "ALL", "1.5", " 1"])
    expect(parseAck(text)).toBeUndefined();
});
