import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  CALLBACK_LANES,
  callbackTopicsOf,
  decodeRequest,
  encodeCallback,
  encodeRequest,
  laneOfRequestId,
  type RequestEnvelope,
  type ResultEnd,
} from "../src/index.ts";
import { buffers, requests, throughTheLog } from "./arbitraries.ts";

const REQUEST: RequestEnvelope & { callbackUrl: string } = {
  id: "request-1",
  service: "accounts",
  key: Buffer.from("4711"),
  handler: "deposit",
  callbackUrl: "https://api.example.com/hook?token=1",
  attempt: 1,
  headers: { authorization: "the caller's" },
  replyTo: { partition: 0, instance: "me" },
  recording: "outcome",
  deadlineMs: 1,
  body: Buffer.from("the request"),
};
const RESULT: ResultEnd = {
  kind: "ended",
  id: REQUEST.id,
  fencingToken: 7,
  delivery: 1,
  atMs: 1_700_000_000_000,
  end: "replied",
  fingerprint: "f",
  attempts: 1,
  status: 201,
  contentType: "application/json",
  headers: {},
  body: Buffer.from('{"balance":1}'),
};

function sent(request: Partial<typeof REQUEST> = {}, result: Partial<ResultEnd> = {}, lane = 3, prefix = "") {
  const record = encodeCallback({ ...REQUEST, ...request }, { ...RESULT, ...result }, lane, prefix);
  const service = `${request.service ?? REQUEST.service}-callbacks`;
  const decoded = decodeRequest(throughTheLog(record), service, "x");
  if (decoded.kind !== "request") throw new Error(decoded.kind);
  return { record, callback: decoded.request };
}

describe("a callback", () => {
  test("is a request of the callback service, with the answer and what it answers, and nothing of the caller's", () => {
    const { record, callback } = sent({}, {}, 3, "prod.");
    expect(record).toMatchObject({ topic: "prod.accounts-callbacks.requests", partition: 3 });
    expect(callback).toEqual({
      id: callback.id,
      service: "accounts-callbacks",
      key: REQUEST.key,
      handler: "",
      attempt: 1,
      contentType: "application/json",
      headers: {
        "callback-url": REQUEST.callbackUrl,
        "shardcast-request-id": "request-1",
        "shardcast-request-state": "replied",
        "shardcast-status": "201",
        "shardcast-service": "accounts",
        "shardcast-key": "4711",
      },
      body: RESULT.body,
    });
  });

  test("is never called back itself", () => {
    expect(sent().callback.callbackUrl).toBeUndefined();
  });

  test("has an id that names its lane, the same for the same end, and another for another end or URL (C5)", () => {
    const { id } = sent().callback;
    expect(laneOfRequestId(id, CALLBACK_LANES)).toBe(3);
    expect(sent().callback.id).toBe(id);
    const others = [
      sent({}, { delivery: 2 }),
      sent({}, { end: "expired" }),
      sent({}, { atMs: RESULT.atMs + 1 }),
      sent({}, { id: "request-2" }),
      sent({ callbackUrl: "https://api.example.com/other" }),
    ].map(({ callback }) => callback.id);
    expect(new Set([id, ...others]).size).toBe(others.length + 1);
  });

  test("names any key in a header that HTTP can carry, and leaves out one that is too long for servers", () => {
    fc.assert(
      fc.property(buffers, (key) => {
        const text = sent({ key }).callback.headers["shardcast-key"] ?? "";
        expect(text).toMatch(/^[\x21-\x7e]*$/);
        const bytes = text.replace(/%([0-9A-F]{2})/g, (_, hex) =>
          String.fromCharCode(Number.parseInt(hex, 16)),
        );
        expect(Buffer.from(bytes, "latin1")).toEqual(key);
      }),
    );
    expect(sent({ key: Buffer.from("ä/b c") }).callback.headers["shardcast-key"]).toBe("%C3%A4%2Fb%20c");
    expect(sent({ key: Buffer.alloc(2_048, "k") }).callback.headers).toHaveProperty("shardcast-key");
    expect(sent({ key: Buffer.alloc(2_049, "k") }).callback.headers).not.toHaveProperty("shardcast-key");
  });

  test("of any request comes back from the log with the answer's bytes as they are", () => {
    fc.assert(
      fc.property(requests, buffers, (request, body) => {
        const { callback } = sent({ ...request, callbackUrl: REQUEST.callbackUrl }, { body });
        expect(callback.body).toEqual(body);
        expect(callback.key).toEqual(request.key);
      }),
    );
  });
});

test("the topics of callbacks have their own number of lanes, and need a name that is a DNS label", () => {
  const { requests: lanes } = callbackTopicsOf("accounts", "prod.");
  expect(lanes).toMatchObject({ name: "prod.accounts-callbacks.requests", partitions: CALLBACK_LANES });
  expect(callbackTopicsOf("a".repeat(53)).requests.name).toHaveLength(72);
  expect(() => callbackTopicsOf("a".repeat(54))).toThrow(
    expect.objectContaining({ code: "SHARDCAST_INVALID_REQUEST" }),
  );
});

describe("where a request wants to be called back", () => {
  const decodedWith = (callback: string) => {
    const record = encodeRequest(REQUEST);
    return decodeRequest(
      { ...record, headers: { ...record.headers, "sc-callback": callback } },
      "accounts",
      "x",
    );
  };

  test("is an http(s) URL of at most 2,048 characters", () => {
    const longest = `http://a/${"p".repeat(2_039)}`;
    expect(decodedWith(longest)).toMatchObject({ kind: "request", request: { callbackUrl: longest } });
  });

  test.each([
    ["nothing", ""],
    ["a name alone", "api.example.com"],
    ["another scheme", "ftp://a/"],
    ["a script", "javascript:1"],
    ["no host", "https://"],
    ["2,049 characters", `http://a/${"p".repeat(2_040)}`],
  ])("and with %s is malformed, naming the header", (_, callback) => {
    expect(decodedWith(callback)).toMatchObject({
      kind: "malformed",
      reason: "sc-callback is not an http(s) URL, or too long",
    });
  });
});
