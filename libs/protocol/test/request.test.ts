import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeRequest,
  encodeCancel,
  encodeRequest,
  type IncomingRecord,
  newRequestId,
} from "../src/index.ts";
import { buffers, garbage, requests, throughTheLog } from "./arbitraries.ts";

const ORIGIN = "accounts.requests-0-17";
const REQUEST = {
  id: newRequestId(3),
  service: "accounts",
  key: Buffer.from("4711"),
  handler: "deposit",
  attempt: 1,
  headers: {},
  body: Buffer.from("{}"),
};

/** The record of a plain request with some headers set otherwise; `undefined` takes one away. */
function withHeaders(changes: IncomingRecord["headers"]): IncomingRecord {
  const record = throughTheLog(encodeRequest(REQUEST));
  const kept = Object.entries({ ...record.headers, ...changes }).filter(([, value]) => value !== undefined);
  return { ...record, headers: Object.fromEntries(kept) };
}

describe("a request", () => {
  test("comes back from the log as it was", () => {
    fc.assert(
      fc.property(requests, (request) => {
        const decoded = decodeRequest(throughTheLog(encodeRequest(request)), request.service, ORIGIN);
        expect(decoded.kind === "request" && entriesOf(decoded.request)).toEqual(entriesOf(request));
      }),
    );
  });

  test("comes back from a record that never left the process as well", () => {
    fc.assert(
      fc.property(requests, (request) => {
        const decoded = decodeRequest(encodeRequest(request), request.service, ORIGIN);
        expect(decoded.kind === "request" && entriesOf(decoded.request)).toEqual(entriesOf(request));
      }),
    );
  });

  test("may be cancelled by a record behind it that names its id", () => {
    const cancel = throughTheLog(encodeCancel("accounts", REQUEST.id));
    expect(decodeRequest(cancel, "accounts", ORIGIN)).toEqual({ kind: "cancel", id: REQUEST.id });
    expect(decodeRequest(cancel, "orders", ORIGIN)).toMatchObject({ kind: "malformed" });
  });

  test.each([
    { "sc-kind": "surprise" },
    { "sc-not-before": "tomorrow" },
    { "sc-recording": "everything" },
    { "sc-reply-to": "0/me", "sc-correlation": "" },
  ])("with %j is malformed, naming the header", (headers) => {
    const decoded = decodeRequest(withHeaders(headers), "accounts", ORIGIN);
    expect(decoded).toMatchObject({ kind: "malformed", reason: expect.stringContaining("sc-") });
  });

  test("of another service is malformed, naming it", () => {
    expect(decodeRequest(withHeaders({}), "orders", ORIGIN)).toMatchObject({
      kind: "malformed",
      code: "SHARDCAST_MALFORMED_RECORD",
      reason: expect.stringContaining("accounts"),
    });
  });

  test("keeps the last value of a header that is repeated", () => {
    const decoded = decodeRequest(
      withHeaders({ "sc-handler": ["first", Buffer.from("last")] }),
      "accounts",
      ORIGIN,
    );
    expect(decoded).toMatchObject({ kind: "request", request: { handler: "last" } });
  });

  test("ignores headers it does not know", () => {
    const decoded = decodeRequest(withHeaders({ "sc-from-the-future": "1" }), "accounts", ORIGIN);
    expect(decoded).toMatchObject({ kind: "request", request: { id: REQUEST.id, headers: {} } });
  });

  test.each([
    ["no id", { "sc-id": undefined }],
    ["an id of 257 characters", { "sc-id": "i".repeat(257) }],
    ["no service", { "sc-service": undefined }],
    ["a service that is no name", { "sc-service": "Accounts!" }],
    ["a handler with a control character", { "sc-handler": "a\u0007" }],
    ["a handler of 256 characters", { "sc-handler": "h".repeat(256) }],
    ["attempt 0", { "sc-attempt": "0" }],
    ["a fractional attempt", { "sc-attempt": "1.5" }],
    ["a deadline in words", { "sc-deadline": "tomorrow" }],
    ["a deadline beyond safe integers", { "sc-deadline": "9999999999999999" }],
    ["an empty deadline", { "sc-deadline": "" }],
    ["a reply address without a partition", { "sc-reply-to": "/me" }],
    ["a reply address without an instance", { "sc-reply-to": "3/" }],
    ["a reply address without a slash", { "sc-reply-to": "3" }],
    ["a reply address of 256 characters", { "sc-reply-to": `3/${"i".repeat(256)}` }],
  ])("with %s is malformed", (_, changes) => {
    expect(decodeRequest(withHeaders(changes), "accounts", ORIGIN)).toMatchObject({
      kind: "malformed",
      code: "SHARDCAST_MALFORMED_RECORD",
    });
  });

  test("without a key, or with one over 4,096 bytes, is malformed", () => {
    const record = withHeaders({});
    for (const key of [null, Buffer.alloc(4097)]) {
      expect(decodeRequest({ ...record, key }, "accounts", ORIGIN).kind).toBe("malformed");
    }
    expect(decodeRequest({ ...record, key: Buffer.alloc(4096) }, "accounts", ORIGIN).kind).toBe("request");
  });
});

describe("the version header", () => {
  test("absent: a stranger's record goes to the default handler, its id made from where it lies", () => {
    fc.assert(
      fc.property(buffers, fc.option(buffers), (key, value) => {
        const headers = { "sc-id": "forged", "sc-handler": "forged", "content-type": "text/plain" };
        const record = { key, value, headers };
        const decoded = decodeRequest(record, "accounts", ORIGIN);
        expect(decoded).toEqual({
          kind: "request",
          request: {
            id: ORIGIN,
            service: "accounts",
            key,
            handler: "",
            contentType: "text/plain",
            attempt: 1,
            headers: {},
            body: value ?? Buffer.alloc(0),
          },
        });
        expect(decodeRequest(record, "accounts", ORIGIN)).toEqual(decoded);
      }),
    );
  });

  test.each([2, 255])("%s is of a newer Shardcast: unsupported", (version) => {
    const record = withHeaders({ "sc-version": Buffer.from([version]) });
    expect(decodeRequest(record, "accounts", ORIGIN)).toMatchObject({
      kind: "malformed",
      code: "SHARDCAST_UNSUPPORTED_VERSION",
      reason: expect.stringContaining(String(version)),
    });
  });

  test.each([
    ["zero", Buffer.from([0])],
    ["two bytes", Buffer.from([1, 1])],
    ["no byte", Buffer.alloc(0)],
    ["an empty list", []],
  ])("%s: malformed", (_, version) => {
    expect(decodeRequest(withHeaders({ "sc-version": version }), "accounts", ORIGIN)).toMatchObject({
      kind: "malformed",
      code: "SHARDCAST_MALFORMED_RECORD",
    });
  });
});

test("whatever lies on the log is a request or malformed with a reason, and nothing throws (C9)", () => {
  fc.assert(
    fc.property(garbage, (record) => {
      const decoded = decodeRequest(record, "accounts", ORIGIN);
      if (decoded.kind === "malformed") {
        expect(decoded.reason).not.toBe("");
        return;
      }
      if (decoded.kind !== "request") return;
      const { id, service, handler, attempt, key, body, deadlineMs } = decoded.request;
      expect(service).toBe("accounts");
      expect(id.length).toBeGreaterThan(0);
      expect(handler.length).toBeLessThanOrEqual(255);
      expect(Number.isSafeInteger(attempt) && attempt >= 1).toBe(true);
      expect(Buffer.isBuffer(key) && Buffer.isBuffer(body)).toBe(true);
      expect(deadlineMs === undefined || Number.isSafeInteger(deadlineMs)).toBe(true);
      // what was taken for a request must survive being sent on, as a redrive does
      const again = decodeRequest(throughTheLog(encodeRequest(decoded.request)), "accounts", ORIGIN);
      expect(again.kind === "request" && entriesOf(again.request)).toEqual(entriesOf(decoded.request));
    }),
    { numRuns: 1_000 },
  );
});

/** With headers as entries: `toEqual` would not see a header named `__proto__`. */
function entriesOf<T extends { readonly headers: object }>(envelope: T) {
  return { ...envelope, headers: Object.entries(envelope.headers).sort() };
}
