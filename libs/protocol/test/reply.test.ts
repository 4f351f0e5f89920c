import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeReply, encodeReply, isErrorCode, replyInstance } from "../src/index.ts";
import { garbage, replies, throughTheLog } from "./arbitraries.ts";

const RECORD = throughTheLog(
  encodeReply({ id: "id", instance: "me", status: 201, headers: {}, body: Buffer.from("done") }),
);

describe("a reply", () => {
  test("comes back from the log as it was, keyed by what it is found by", () => {
    fc.assert(
      fc.property(replies, (reply) => {
        const record = throughTheLog(encodeReply(reply));
        const decoded = decodeReply(record);
        expect({ ...decoded, headers: Object.entries(decoded?.headers ?? {}).sort() }).toEqual({
          ...reply,
          headers: Object.entries(reply.headers).sort(),
        });
        expect(record.key?.toString()).toBe(reply.correlation ?? reply.id);
      }),
    );
  });

  test("tells whose it is before it is decoded (C4)", () => {
    fc.assert(
      fc.property(replies, (reply) => {
        expect(replyInstance(throughTheLog(encodeReply(reply)))).toBe(reply.instance);
      }),
    );
    expect(replyInstance({ key: null, value: null, headers: {} })).toBeUndefined();
  });

  test("names the owner's fencing token, also the first offset there is (C4)", () => {
    for (const fencingToken of [0, 4_711]) {
      const reply = {
        id: "id",
        instance: "me",
        status: 200,
        headers: {},
        body: Buffer.alloc(0),
        fencingToken,
      };
      expect(decodeReply(throughTheLog(encodeReply(reply)))?.fencingToken).toBe(fencingToken);
    }
  });

  test("of before there were tokens has none, and is a reply", () => {
    expect(decodeReply(RECORD)).toMatchObject({ id: "id" });
    expect(decodeReply(RECORD)).not.toHaveProperty("fencingToken");
  });

  test("with an error code of a newer Shardcast says so", () => {
    const headers = { ...RECORD.headers, "sc-error": "SHARDCAST_FROM_THE_FUTURE" };
    expect(decodeReply({ ...RECORD, headers })?.error).toBe("SHARDCAST_UNSUPPORTED_VERSION");
  });

  test.each([
    ["no version", { "sc-version": undefined }],
    ["a newer version", { "sc-version": Buffer.from([2]) }],
    ["nobody to go to", { "sc-to": undefined }],
    ["no status", { "sc-status": undefined }],
    ["a status in words", { "sc-status": "fine" }],
    ["an interim status", { "sc-status": "100" }],
    ["status 600", { "sc-status": "600" }],
    ["an empty fencing token", { "sc-token": "" }],
    ["a fencing token in words", { "sc-token": "latest" }],
    ["a negative fencing token", { "sc-token": "-1" }],
    ["a fencing token no offset reaches", { "sc-token": "9".repeat(16) }],
  ])("with %s is none", (_, changes) => {
    const entries = Object.entries({ ...RECORD.headers, ...changes }).filter(
      ([, value]) => value !== undefined,
    );
    expect(decodeReply({ ...RECORD, headers: Object.fromEntries(entries) })).toBeUndefined();
  });

  test("without a key is none", () => {
    expect(decodeReply({ ...RECORD, key: null })).toBeUndefined();
  });
});

test("whatever lies on the log is a reply or none, and nothing throws", () => {
  const forged = garbage.map((record) => ({ ...record, headers: { ...RECORD.headers, ...record.headers } }));
  fc.assert(
    fc.property(fc.oneof(garbage, forged), (record) => {
      const instance = replyInstance(record);
      const reply = decodeReply(record);
      if (reply === undefined) return;
      expect(reply.instance).toBe(instance);
      expect(reply.status).toBeGreaterThanOrEqual(200);
      expect(reply.status).toBeLessThan(600);
      const token = reply.fencingToken;
      expect(token === undefined || (Number.isSafeInteger(token) && token >= 0)).toBe(true);
      expect(reply.error === undefined || isErrorCode(reply.error)).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});
