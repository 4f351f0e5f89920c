import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type DeadLetterReason,
  decodeRequest,
  encodeDeadLetter,
  encodeRequest,
  headerText,
} from "../src/index.ts";
import { errorCodes, garbage, requests, throughTheLog } from "./arbitraries.ts";

const reasons: fc.Arbitrary<DeadLetterReason> = fc.record({
  code: errorCodes,
  reason: fc.oneof(fc.string(), fc.constantFrom("r".repeat(1024), "r".repeat(3_000))),
  attempts: fc.nat(),
  origin: fc.record({
    topic: fc.constant("accounts.requests"),
    partition: fc.nat(),
    offset: fc.maxSafeNat(),
  }),
  member: fc.stringMatching(/^[a-z0-9-]{1,20}$/),
  atMs: fc.maxSafeNat(),
});

test("a dead letter says why, and the request in it can still be read (C9)", () => {
  fc.assert(
    fc.property(requests, reasons, (request, why) => {
      const original = encodeRequest(request);
      const dead = throughTheLog(encodeDeadLetter(original, why));
      const read = (name: string) => headerText(dead.headers, name);
      expect(read("sc-dead-code")).toBe(why.code);
      expect(read("sc-dead-reason")).toBe(why.reason.slice(0, 1024));
      expect(read("sc-dead-attempts")).toBe(String(why.attempts));
      expect(read("sc-dead-origin")).toBe(`accounts.requests/${why.origin.partition}/${why.origin.offset}`);
      expect(read("sc-dead-member")).toBe(why.member);
      expect(read("sc-dead-at")).toBe(String(why.atMs));
      const { service } = request;
      expect(decodeRequest(dead, service, "x")).toEqual(decodeRequest(throughTheLog(original), service, "x"));
    }),
  );
});

test("a dead letter keeps key, value and every header of a record that never was a request", () => {
  fc.assert(
    fc.property(garbage, reasons, (record, why) => {
      const dead = encodeDeadLetter(record, why);
      expect(dead.key).toBe(record.key);
      expect(dead.value).toBe(record.value);
      for (const [name, value] of Object.entries(record.headers)) {
        expect(Object.getOwnPropertyDescriptor(dead.headers, name)?.value).toEqual(withoutNulls(value));
      }
    }),
  );
});

/** A header without a value is written as an empty one. */
function withoutNulls(value: unknown): unknown {
  return Array.isArray(value) ? value.map(withoutNulls) : (value ?? Buffer.alloc(0));
}

test("a dead letter that dies again tells its last death", () => {
  const why = (reason: string): DeadLetterReason => ({
    code: "SHARDCAST_ATTEMPTS_EXHAUSTED",
    reason,
    attempts: 3,
    origin: { topic: "accounts.requests", partition: 1, offset: 2 },
    member: "0",
    atMs: 3,
  });
  const once = encodeDeadLetter({ key: null, value: null, headers: { kept: "yes" } }, why("first"));
  const twice = encodeDeadLetter(once, why("second"));
  expect(headerText(twice.headers, "sc-dead-reason")).toBe("second");
  expect(headerText(twice.headers, "kept")).toBe("yes");
});
