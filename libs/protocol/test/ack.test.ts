import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type AckRecord,
  decodeAck,
  encodeAck,
  type IncomingRecord,
  newBroadcastId,
  newRequestId,
} from "../src/index.ts";
import { acks, garbage, throughTheLog } from "./arbitraries.ts";

const ID = newBroadcastId();
const ACKED: AckRecord = {
  kind: "acked",
  id: ID,
  author: { member: "2", token: 7 },
  atMs: 1,
  attempt: 1,
  status: 200,
  headers: {},
  body: Buffer.from("done"),
};

/** An acknowledgement whose headers are as given; undefined takes one away. */
function forged(
  headers: Readonly<Record<string, string | undefined>>,
  more: Partial<IncomingRecord> = {},
  ack: AckRecord = ACKED,
): IncomingRecord {
  const record = throughTheLog(encodeAck(ack));
  return { ...record, ...more, headers: { ...record.headers, ...headers } };
}

const GONE: AckRecord = { kind: "gone", id: ID, atMs: 1, members: [{ member: "2" }] };
const CLOSED: AckRecord = { kind: "closed", id: ID, atMs: 1, why: "expired" };
const JOINED: AckRecord = { kind: "joined", member: "2", token: 7 };

describe("what is said of a broadcast", () => {
  test("C6: comes back from the log as it was", () => {
    fc.assert(
      fc.property(acks, (ack) => {
        expect(decodeAck(throughTheLog(encodeAck(ack)))).toEqual(ack);
      }),
      { numRuns: 1_000 },
    );
  });

  test("has the broadcast's id as its key, and a mark has none", () => {
    expect(encodeAck(ACKED).key?.toString()).toBe(ID);
    expect(encodeAck(GONE).key?.toString()).toBe(ID);
    expect(encodeAck(JOINED).key).toBeNull();
  });

  test("has a reason of a bounded length (C7)", () => {
    const failed = {
      ...ACKED,
      kind: "failed",
      code: "SHARDCAST_CANCELLED",
      reason: "x".repeat(5_000),
    } as const;
    expect(decodeAck(throughTheLog(encodeAck(failed)))).toMatchObject({ reason: "x".repeat(1_024) });
  });

  test("failed with a code of a newer version is a failure all the same", () => {
    const failed = { ...ACKED, kind: "failed", code: "SHARDCAST_CANCELLED", reason: "" } as const;
    expect(decodeAck(forged({ "sc-error": "SHARDCAST_NEW" }, {}, failed))).toMatchObject({
      kind: "failed",
      code: "SHARDCAST_UNSUPPORTED_VERSION",
    });
  });

  test.each<[string, IncomingRecord]>([
    ["without a version", forged({ "sc-version": undefined })],
    ["of a kind nobody knows", forged({ "sc-ack-kind": "nodded" })],
    ["without a broadcast", forged({}, { key: null })],
    ["of what is no broadcast", forged({}, { key: Buffer.from(newRequestId(4)) })],
    ["without a time", forged({ "sc-at": undefined })],
    ["by nobody", forged({ "sc-member": "" })],
    ["by a name without end", forged({ "sc-member": "m".repeat(1_025) })],
    ["with neither token nor incarnation", forged({ "sc-token": undefined })],
    ["with an attempt that is no number", forged({ "sc-attempt": "first" })],
    ["with a status that is none", forged({ "sc-status": "199" })],
    ["that is a mark without a token", forged({ "sc-token": "-1" }, {}, JOINED)],
    ["that is a mark of nobody", forged({ "sc-member": "" }, {}, JOINED)],
    ["that names no members as gone", forged({}, { value: null }, GONE)],
    [
      "that names members as gone and more",
      forged({}, { value: Buffer.from('[{"member":"2","mood":1}]') }, GONE),
    ],
    ["that is closed for a reason nobody knows", forged({ "sc-why": "bored" }, {}, CLOSED)],
  ])("%s is none of ours", (_, record) => {
    expect(decodeAck(record)).toBeUndefined();
  });

  test("whatever lies on the log is one or none, and nothing throws", () => {
    const header = fc.constantFrom(
      ...[
        "sc-ack-kind",
        "sc-at",
        "sc-member",
        "sc-token",
        "sc-incarnation",
        "sc-attempt",
        "sc-status",
        "sc-why",
      ],
    );
    const oneWrong = fc
      .tuple(
        acks,
        header,
        fc.oneof(fc.string(), fc.constantFrom("gone", "closed", "joined", "acked", "1", "200")),
      )
      .map(([ack, name, text]) => forged({ [name]: text }, {}, ack));
    fc.assert(
      fc.property(fc.oneof(garbage, oneWrong), (record) => {
        const ack = decodeAck(record);
        if (ack === undefined) return;
        expect(decodeAck(throughTheLog(encodeAck(ack)))).toEqual(
          "reason" in ack ? { ...ack, reason: ack.reason.slice(0, 1_024) } : ack,
        );
      }),
      { numRuns: 1_000 },
    );
  });
});
