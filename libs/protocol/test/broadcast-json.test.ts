import fc from "fast-check";
import { expect, test } from "vitest";
import { fromBroadcastJson, fromOutcomeJson } from "../src/broadcast-json.ts";
import { type BroadcastStatus, type MemberOutcome, toBroadcastJson, toOutcomeJson } from "../src/index.ts";
import { errorCodes } from "./arbitraries.ts";

const body = fc.oneof(
  fc.uint8Array({ maxLength: 50 }).map((bytes) => new Uint8Array(bytes)),
  fc.string({ unit: "grapheme" }).map((text) => new TextEncoder().encode(text)),
);
const reply = fc.record(
  {
    status: fc.integer({ min: 200, max: 599 }),
    contentType: fc.string(),
    headers: fc.dictionary(fc.stringMatching(/^[a-z-]{1,9}$/), fc.string(), { noNullPrototype: true }),
    body,
  },
  { requiredKeys: ["status", "headers", "body"] },
);
const who = { member: fc.string(), kind: fc.constantFrom("durable" as const, "ephemeral" as const) };
const when = { attempt: fc.nat(), atMs: fc.nat() };
const outcomes: fc.Arbitrary<MemberOutcome> = fc.oneof(
  fc.record({ ...who, state: fc.constant("waiting" as const) }),
  fc.record({ ...who, ...when, state: fc.constant("running" as const) }),
  fc.record({ ...who, ...when, state: fc.constant("acked" as const), reply }),
  fc.record({
    ...{ ...who, state: fc.constant("failed" as const), attempts: fc.nat(), atMs: fc.nat() },
    ...{ code: errorCodes, reason: fc.string() },
  }),
  fc.record({ ...who, state: fc.constantFrom("expired" as const, "gone" as const), atMs: fc.nat() }),
);

function statusOf(members: readonly MemberOutcome[]): BroadcastStatus {
  const common = { id: "b", service: "accounts", handler: "", acceptedMs: 1, expiresMs: 2, epoch: 3 };
  return { ...common, ack: "all", verdict: "open", partial: true, members };
}

/** What JSON makes of it on the way. */
function sent<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

test("a status comes back from JSON as it was, whatever the bytes of its replies", () => {
  fc.assert(
    fc.property(fc.array(outcomes, { maxLength: 5 }), (members) => {
      const status = statusOf(members);
      expect(fromBroadcastJson(sent(toBroadcastJson(status)))).toEqual(status);
    }),
    { numRuns: 500 },
  );
});

test("a reply is text where it is UTF-8, a byte order mark as well, and base64 where it is not", () => {
  const acked = (bytes: number[]) =>
    ({
      ...{ member: "0", kind: "durable", state: "acked", attempt: 1, atMs: 1 },
      reply: { status: 200, headers: {}, body: Uint8Array.from(bytes) },
    }) as const satisfies MemberOutcome;
  expect(toOutcomeJson(acked([0x68, 0x69]))).toMatchObject({ reply: { body: "hi" } });
  expect(toOutcomeJson(acked([]))).toMatchObject({ reply: { body: "" } });
  expect(toOutcomeJson(acked([0xff, 0x00]))).toMatchObject({ reply: { bodyBase64: "/wA=" } });
  const marked = acked([0xef, 0xbb, 0xbf, 0x61]);
  expect(fromOutcomeJson(sent(toOutcomeJson(marked)))).toEqual(marked);
});
