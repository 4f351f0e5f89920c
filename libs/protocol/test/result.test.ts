import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeResult, encodeResult, fingerprintOf, type IncomingRecord } from "../src/index.ts";
import { garbage, results, throughTheLog } from "./arbitraries.ts";

const sorted = (headers: object) => Object.entries(headers).sort();

describe("a result", () => {
  test("comes back from the log as it was, keyed by the request's id", () => {
    fc.assert(
      fc.property(results, (result) => {
        const record = throughTheLog(encodeResult(result));
        const decoded = decodeResult(record);
        expect({ ...decoded, headers: sorted(decoded?.kind === "ended" ? decoded.headers : {}) }).toEqual({
          ...result,
          headers: sorted(result.kind === "ended" ? result.headers : {}),
        });
        expect(record.key?.toString()).toBe(result.id);
      }),
    );
  });

  test("is read from any bytes without throwing", () => {
    fc.assert(fc.property(garbage, (record) => void decodeResult(record)));
  });

  const ENDED = throughTheLog(
    encodeResult({
      id: "id",
      fencingToken: 1,
      delivery: 1,
      atMs: 1,
      kind: "ended",
      end: "replied",
      fingerprint: "f",
      attempts: 1,
      status: 200,
      headers: {},
      body: Buffer.alloc(0),
    }),
  );

  test.each(["sc-version", "sc-result", "sc-token", "sc-at", "sc-attempts", "sc-status", "sc-fingerprint"])(
    "without %s, or with nonsense in it, is none",
    (name) => {
      for (const value of [undefined, Buffer.from("\u0000nonsense")]) {
        if (name === "sc-fingerprint" && value !== undefined) continue;
        const headers = Object.fromEntries(
          Object.entries({ ...ENDED.headers, [name]: value }).filter(([, each]) => each !== undefined),
        );
        expect(decodeResult({ ...ENDED, headers } as IncomingRecord)).toBeUndefined();
      }
      expect(decodeResult(ENDED)).toBeDefined();
    },
  );
});

test("a fingerprint is the same for the same handler, type and body only", () => {
  const request = { handler: "deposit", contentType: "application/json", body: Buffer.from("{}") };
  expect(fingerprintOf(request)).toBe(fingerprintOf({ ...request, body: Buffer.from("{}") }));
  const { contentType: _, ...untyped } = request;
  const others = [
    { ...request, handler: "withdraw" },
    { ...request, body: Buffer.from("{ }") },
    { ...request, contentType: "text/plain" },
    untyped,
  ];
  expect(new Set([request, ...others].map(fingerprintOf)).size).toBe(others.length + 1);
});
