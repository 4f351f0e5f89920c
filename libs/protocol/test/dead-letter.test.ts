import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type DeadLetterReason,
  decodeDeadLetter,
  decodeRedriven,
  decodeRequest,
  encodeDeadLetter,
  encodeRedriven,
  encodeRequest,
  headerText,
  type RedrivenMarker,
} from "../src/index.ts";
import { errorCodes, garbage, requests, throughTheLog } from "./arbitraries.ts";

const reasons: fc.Arbitrary<DeadLetterReason> = fc.record(
  {
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
    parked: fc.constant(true as const),
  },
  { requiredKeys: ["code", "reason", "attempts", "origin", "member", "atMs"] },
);

const markers: fc.Arbitrary<RedrivenMarker> = fc.record({
  redriveId: fc.uuid(),
  how: fc.constantFrom("redriven", "discarded"),
  atMs: fc.maxSafeNat(),
  low: fc.maxSafeNat(),
  letters: fc.array(fc.tuple(fc.nat(), fc.nat()).map(([from, length]) => ({ from, to: from + length + 1 }))),
});

const WHY: DeadLetterReason = {
  code: "SHARDCAST_ATTEMPTS_EXHAUSTED",
  reason: "the handler failed 3 times",
  attempts: 3,
  origin: { topic: "accounts.requests", partition: 1, offset: 2 },
  member: "0",
  atMs: 3,
};
const MARKER: RedrivenMarker = { redriveId: "r", how: "redriven", atMs: 1, low: 0, letters: [] };
const REQUEST = {
  id: "request-1",
  service: "accounts",
  key: Buffer.from("4711"),
  handler: "deposit",
  attempt: 1,
  headers: {},
  body: Buffer.from("{}"),
};

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
  const once = encodeDeadLetter(
    { key: null, value: null, headers: { kept: "yes" } },
    { ...WHY, reason: "first" },
  );
  const twice = encodeDeadLetter(once, { ...WHY, reason: "second" });
  expect(headerText(twice.headers, "sc-dead-reason")).toBe("second");
  expect(headerText(twice.headers, "kept")).toBe("yes");
});

test("a dead letter is read back with why, and with the request as it was (C9)", () => {
  fc.assert(
    fc.property(requests, reasons, (request, why) => {
      const letter = decodeDeadLetter(throughTheLog(encodeDeadLetter(encodeRequest(request), why)));
      const { id, handler, key, body, contentType } = request;
      expect({ ...letter, headers: undefined }).toEqual({
        why: { ...why, reason: why.reason.slice(0, 1024) },
        truncated: false,
        id,
        handler,
        key,
        body,
        ...(contentType === undefined ? {} : { contentType }),
        headers: undefined,
      });
      expect(Object.entries(letter?.headers ?? {}).sort()).toEqual(Object.entries(request.headers).sort());
    }),
  );
});

test("a stranger's record has the id that its worker gave it, the default handler, and no headers of ours", () => {
  const stranger = { key: Buffer.from("k"), value: null, headers: { "sc-id": "forged", "http-a": "b" } };
  expect(decodeDeadLetter(encodeDeadLetter(stranger, WHY))).toMatchObject({
    id: "accounts.requests-1-2",
    handler: "",
    headers: {},
  });
});

test("a stranger's CloudEvent has the handler that its type names, and its attributes", () => {
  const stranger = { key: Buffer.from("k"), value: null, headers: { ce_type: "deposit", ce_source: "till" } };
  expect(decodeDeadLetter(encodeDeadLetter(stranger, WHY))).toMatchObject({
    handler: "deposit",
    headers: { "ce-type": "deposit", "ce-source": "till" },
  });
});

test("a letter of which only the reason is left says so, and names neither id nor handler", () => {
  const bare = encodeDeadLetter({ key: null, value: null, headers: {} }, WHY);
  const letter = decodeDeadLetter({ ...bare, headers: { ...bare.headers, "sc-dead-truncated": "true" } });
  expect(letter).toEqual({
    why: WHY,
    truncated: true,
    key: null,
    headers: {},
    body: Buffer.alloc(0),
  });
});

test("a request that calls itself truncated is not: who sends it again need not pass over it (C9)", () => {
  const forged = { key: Buffer.from("k"), value: null, headers: { "sc-dead-truncated": "true" } };
  expect(decodeDeadLetter(encodeDeadLetter(forged, WHY))?.truncated).toBe(false);
});

test("a code of a newer Shardcast does not hide its letter", () => {
  const { headers, ...record } = encodeDeadLetter({ key: null, value: null, headers: {} }, WHY);
  const newer = decodeDeadLetter({ ...record, headers: { ...headers, "sc-dead-code": "SHARDCAST_NEW" } });
  expect(newer?.why.code).toBe("SHARDCAST_UNSUPPORTED_VERSION");
});

test.each([
  { "sc-dead-code": undefined },
  { "sc-dead-attempts": "some" },
  { "sc-dead-origin": "accounts.requests/1" },
  { "sc-dead-at": "9999999999999999" },
])("with %j it is no letter", (changes) => {
  const { headers, ...record } = encodeDeadLetter({ key: null, value: null, headers: {} }, WHY);
  expect(decodeDeadLetter({ ...record, headers: { ...headers, ...changes } })).toBeUndefined();
});

test("a marker comes back from the log as it was, and is no letter", () => {
  fc.assert(
    fc.property(markers, (marker) => {
      const record = throughTheLog(encodeRedriven(marker));
      expect(decodeRedriven(record)).toEqual(marker);
      expect(decodeDeadLetter(record)).toBeUndefined();
    }),
  );
});

test("a record that looks like a marker is none once it is a letter: nobody settles letters by a request (C9)", () => {
  fc.assert(
    fc.property(markers, reasons, (marker, why) => {
      const letter = throughTheLog(encodeDeadLetter(encodeRedriven(marker), why));
      expect(decodeRedriven(letter)).toBeUndefined();
      expect(decodeDeadLetter(letter)).toBeDefined();
    }),
  );
});

test("whatever lies on the log is a letter, a marker or neither, and nothing throws (C9)", () => {
  const forged = fc.constantFrom(
    "sc-redrive",
    "sc-dead-code",
    "sc-dead-at",
    "sc-dead-origin",
    "sc-dead-member",
  );
  fc.assert(
    fc.property(garbage, fc.array(fc.tuple(forged, fc.string())), (record, more) => {
      const forgery = { ...record, headers: { ...record.headers, ...Object.fromEntries(more) } };
      expect(decodeDeadLetter(forgery) !== undefined && decodeRedriven(forgery) !== undefined).toBe(false);
    }),
    { numRuns: 1_000 },
  );
});

test.each(["", "null", "{", '{"redriveId":"r","how":"eaten","atMs":1,"low":0,"letters":[]}'])(
  "%j in a marker's place says nothing",
  (text) => {
    const { key, headers } = encodeRedriven({ ...MARKER, letters: [] });
    expect(decodeRedriven({ key, headers, value: Buffer.from(text) })).toBeUndefined();
  },
);

test.each(["0", "-1", "1.5", "often"])("a request redriven %j times is malformed", (redriven) => {
  const request = encodeRequest({ ...REQUEST, redriven: 1 });
  const record = { ...request, headers: { ...request.headers, "sc-redriven": redriven } };
  const reason = "sc-redriven is not a positive whole number";
  expect(decodeRequest(record, "accounts", "x")).toMatchObject({ kind: "malformed", reason });
});
