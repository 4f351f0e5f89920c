import { Parser } from "@asyncapi/parser";
import {
  broadcastTopicsOf,
  encodeAck,
  encodeBroadcast,
  encodeBroadcastCancel,
  encodeCancel,
  encodeControl,
  encodeDeadLetter,
  encodeRedriven,
  encodeReply,
  encodeReplyFence,
  encodeRequest,
  encodeResult,
  newBroadcastId,
  newRequestId,
  topicsOf,
  type WireRecord,
} from "@shardcast/protocol";
import { describe, expect, test } from "vitest";
import { asyncApi, type JsonObject } from "../src/documents/index.ts";
import { defineService } from "../src/index.ts";
import { accounts, purses } from "./support/contracts.ts";
import { at } from "./support/pointer.ts";

/** The parser compiles the whole specification at each call: seconds on a busy machine. */
const VALIDATOR_MS = 60_000;

describe("the AsyncAPI document of a contract", () => {
  test.each([
    ["in zod", accounts],
    ["in valibot", purses],
    ["with nothing but a name", defineService("bare", { handlers: {} })],
  ])("%s is one by AsyncAPI 3.0's own parser", { timeout: VALIDATOR_MS }, async (_, contract) => {
    const document = asyncApi(contract, { brokers: ["kafka-1:9092", "kafka-2:9092"], topicPrefix: "prod." });
    const { document: parsed, diagnostics } = await new Parser().parse(JSON.stringify(document));
    // Severity 0 is an error. The newest version, a licence and the like are only recommended.
    expect(diagnostics.filter(({ severity }) => severity === 0)).toEqual([]);
    expect(parsed?.version()).toBe("3.0.0");
    expect(parsed?.servers().all()).toHaveLength(2);
  });

  test("has the topics of the service as its channels", () => {
    const document = asyncApi(accounts, { topicPrefix: "prod." });
    const addresses = Object.values(document.channels as JsonObject).map((each) => at(each, ["address"]));
    const topics = {
      ...topicsOf("accounts", { lanes: 3, prefix: "prod." }),
      ...broadcastTopicsOf("accounts", { prefix: "prod." }),
    };
    expect(addresses.sort()).toEqual(
      Object.values(topics)
        .map(({ name }) => name)
        .sort(),
    );
  });

  test("a handler receives its request and answers with its output, a declared error or a problem", () => {
    const document = asyncApi(accounts);
    expect(at(document, ["operations", "deposit"])).toMatchObject({
      action: "receive",
      channel: { $ref: "#/channels/requests" },
      messages: [{ $ref: "#/channels/requests/messages/deposit" }],
      reply: {
        channel: { $ref: "#/channels/replies" },
        messages: ["deposit_reply", "deposit_insufficient_funds", "deposit_closed", "problem"].map(
          (name) => ({ $ref: `#/channels/replies/messages/${name}` }),
        ),
      },
    });
    expect(at(document, ["components", "messages", "deposit"])).toMatchObject({
      payload: { $ref: "#/components/schemas/deposit_input" },
      bindings: { kafka: { key: { $ref: "#/components/schemas/Key" } } },
    });
  });

  test("a declared broadcast is received by every replica, and answered on the acks (C6)", () => {
    const document = asyncApi(accounts);
    expect(at(document, ["operations", "rates-changed_broadcast"])).toMatchObject({
      action: "receive",
      channel: { $ref: "#/channels/broadcast" },
      messages: [{ $ref: "#/channels/broadcast/messages/rates-changed_broadcast" }],
      reply: { channel: { $ref: "#/channels/acks" } },
    });
    expect(at(document, ["components", "messages", "rates-changed_broadcast", "payload"])).toEqual({
      $ref: "#/components/schemas/rates-changed_broadcast_input",
    });
    expect(at(document, ["components", "schemas", "rates-changed_broadcast_input"])).toMatchObject({
      properties: { rate: { type: "number" } },
    });
    expect(Object.keys(asyncApi(purses).channels as JsonObject)).not.toContain("broadcast");
  });

  const id = newRequestId(0);
  const headers = { "x-a": "1" };
  const body = Buffer.alloc(0);
  const request = encodeRequest({
    id,
    service: "accounts",
    key: Buffer.from("1"),
    handler: "deposit",
    contentType: "application/json",
    replyTo: { partition: 0, instance: "me", correlation: "c" },
    deadlineMs: 1,
    notBeforeMs: 1,
    recording: "progress",
    attempt: 2,
    traceparent: "00",
    headers,
    body,
  });
  const told = { id, fencingToken: 1, delivery: 2, atMs: 1 };
  const reply = { id, correlation: "c", instance: "me", status: 200, fencingToken: 1, headers, body };
  const refused = { ...reply, status: 422, error: "SHARDCAST_HANDLER_REFUSED", contentType: "x/y" } as const;
  const why = {
    code: "SHARDCAST_ATTEMPTS_EXHAUSTED",
    reason: "",
    attempts: 5,
    member: "0",
    atMs: 1,
    origin: { topic: "accounts.requests", partition: 0, offset: 0 },
  } as const;
  const broadcastId = newBroadcastId();
  const broadcast = encodeBroadcast({
    id: broadcastId,
    service: "accounts",
    handler: "rates-changed",
    contentType: "application/json",
    traceparent: "00",
    headers,
    body,
    acceptedMs: 1,
    expiresMs: 2,
    ack: { kind: "quorum" },
    epoch: 1,
    expected: [{ member: "0" }],
    targeted: true,
    redriveOf: newBroadcastId(),
  });
  const said = { id: broadcastId, author: { member: "0", token: 1 }, atMs: 1, attempt: 1 };
  const bare = { key: null, value: null, headers: {} };

  test.each<[string, WireRecord]>([
    ["deposit", request],
    ["cancel", encodeCancel("accounts", id)],
    ["deposit_reply", encodeReply({ ...reply, contentType: "application/json" })],
    ["problem", encodeReply(refused)],
    ["deposit_closed", encodeReply(refused)],
    ["progress", encodeResult({ ...told, kind: "retrying", attempt: 1, reason: "why" })],
    [
      "result",
      encodeResult({
        ...told,
        kind: "ended",
        end: "failed",
        fingerprint: "f",
        attempts: 1,
        status: 422,
        error: "SHARDCAST_HANDLER_REFUSED",
        contentType: "x/y",
        headers,
        body,
      }),
    ],
    ["deadLetter", encodeDeadLetter(bare, why)],
    ["redriven", encodeRedriven({ redriveId: "r", how: "redriven", atMs: 1, low: 0, letters: [] })],
    ["fence", encodeReplyFence({ tokens: new Map([[0, 1]]) })],
    ["rates-changed_broadcast", broadcast],
    ["cancelBroadcast", encodeBroadcastCancel("accounts", broadcastId)],
    ["ack", encodeAck({ ...said, kind: "acked", status: 200, contentType: "x/y", headers, body })],
    ["ack", encodeAck({ ...said, kind: "failed", code: "SHARDCAST_ATTEMPTS_EXHAUSTED", reason: "why" })],
    ["ack", encodeAck({ ...said, kind: "running", author: { member: "web-x1", incarnation: "i" } })],
    ["gone", encodeAck({ kind: "gone", id: broadcastId, atMs: 1, members: [{ member: "2" }] })],
    ["closed", encodeAck({ kind: "closed", id: broadcastId, atMs: 1, why: "expired" })],
    ["joined", encodeAck({ kind: "joined", member: "0", token: 1 })],
    ["control", encodeControl({ kind: "beat", member: "0", incarnation: "i" })],
  ])("names every header that a %s has on the log, and requires none that it has not", (message, record) => {
    const document = asyncApi(accounts);
    const schema = at(document, `#/components/schemas/${message}_headers`) as {
      readonly required: readonly string[];
      readonly properties: JsonObject;
      readonly patternProperties?: JsonObject;
    };
    const written = Object.keys(record.headers);
    const patterns = Object.keys(schema.patternProperties ?? {}).map((pattern) => new RegExp(pattern));
    const unnamed = written.filter(
      (name) => !Object.hasOwn(schema.properties, name) && !patterns.some((pattern) => pattern.test(name)),
    );
    expect(unnamed).toEqual([]);
    expect(schema.required.filter((name) => !written.includes(name))).toEqual([]);
  });
});
