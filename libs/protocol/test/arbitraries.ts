import fc from "fast-check";
import type {
  AckRecord,
  BroadcastEnvelope,
  ControlRecord,
  IncomingRecord,
  ReplyEnvelope,
  RequestEnvelope,
  ResultEnvelope,
  UserHeaders,
  WireRecord,
} from "../src/index.ts";
import { ERROR_TABLE, type ErrorCode, newBroadcastId } from "../src/index.ts";

/** Any text that UTF-8 can carry. */
const text = fc.string({ unit: "binary", maxLength: 40 });
export const buffers = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
const headerName = fc.oneof(
  fc.constantFrom("content-type", "sc-id", "sc-version", "__proto__", "constructor", "x-request-id"),
  text.filter((name) => name !== ""),
);

/** Own properties only, `__proto__` included. */
const userHeaders: fc.Arbitrary<UserHeaders> = fc
  .array(fc.tuple(headerName, text), { maxLength: 5 })
  .map((entries) => Object.fromEntries(entries));

/** Not empty; with a slash now and then, which an address has one of its own. */
const someText = fc.oneof(
  text.filter((value) => value !== ""),
  fc.constantFrom("/", "a/b/", "0/1"),
);
const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$/);
const handler = fc.stringMatching(/^[a-zA-Z0-9/_ -]{0,30}$/);
const wholeNumber = fc.maxSafeNat();

export const requests: fc.Arbitrary<RequestEnvelope> = fc.record(
  {
    id: fc.oneof(fc.uuid({ version: 7 }), someText),
    service: label,
    key: buffers,
    handler,
    contentType: text,
    replyTo: fc.record(
      { partition: wholeNumber, instance: someText, correlation: someText },
      { requiredKeys: ["partition", "instance"] },
    ),
    deadlineMs: wholeNumber,
    notBeforeMs: wholeNumber,
    recording: fc.constantFrom("outcome" as const, "progress" as const),
    callbackUrl: fc.webUrl({ withQueryParameters: true, withFragments: true }),
    attempt: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    redriven: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    parked: fc.record({ place: fc.maxSafeNat(), upTo: fc.maxSafeNat() }),
    traceparent: text,
    headers: userHeaders,
    body: buffers,
  },
  { requiredKeys: ["id", "service", "key", "handler", "attempt", "headers", "body"] },
);

export const errorCodes = fc.constantFrom(...(Object.keys(ERROR_TABLE) as ErrorCode[]));

export const replies: fc.Arbitrary<ReplyEnvelope> = fc.record(
  {
    id: text,
    correlation: text,
    instance: text,
    status: fc.integer({ min: 200, max: 599 }),
    fencingToken: fc.nat(999_999_999_999_999),
    error: errorCodes,
    contentType: text,
    headers: userHeaders,
    body: buffers,
  },
  { requiredKeys: ["id", "instance", "status", "headers", "body"] },
);

const told = {
  id: text,
  fencingToken: fc.nat(999_999_999_999_999),
  delivery: fc.nat(999_999_999_999_999),
  atMs: fc.nat(999_999_999_999_999),
};

/** Everything that travels on `S.results`. */
export const results: fc.Arbitrary<ResultEnvelope> = fc.oneof(
  fc.record({ ...told, kind: fc.constant("running" as const), attempt: fc.nat() }),
  fc.record({ ...told, kind: fc.constant("retrying" as const), attempt: fc.nat(), reason: text }),
  fc.record(
    {
      ...told,
      kind: fc.constant("ended" as const),
      end: fc.constantFrom("replied", "failed", "dead-lettered", "expired", "cancelled"),
      fingerprint: text,
      attempts: fc.nat(),
      status: fc.integer({ min: 200, max: 599 }),
      error: errorCodes,
      contentType: text,
      headers: userHeaders,
      body: buffers,
    },
    {
      requiredKeys: [
        "id",
        "fencingToken",
        "delivery",
        "atMs",
        "kind",
        "end",
        "fingerprint",
        "attempts",
        "status",
        "headers",
        "body",
      ],
    },
  ),
);

const name = fc.oneof(
  text.filter((value) => value !== ""),
  fc.nat(99).map(String),
);
const life = { member: name, incarnation: name, uid: name, leaseMs: wholeNumber, url: text.filter(Boolean) };
const lane = { kind: fc.constant("lane" as const), lane: wholeNumber, member: name, token: wholeNumber };

/** Everything that travels on `S.control`. */
export const controls: fc.Arbitrary<ControlRecord> = fc.oneof(
  fc.record({
    kind: fc.constant("map" as const),
    epoch: wholeNumber,
    replicas: fc.integer({ min: 1 }),
    lanes: fc.array(fc.nat(9)),
  }),
  fc.record(
    { ...lane, ...life, state: fc.constant("owned" as const) },
    { requiredKeys: ["kind", "state", "lane", "member", "incarnation", "uid", "leaseMs"] },
  ),
  fc.record(
    { ...lane, state: fc.constant("released" as const) },
    { requiredKeys: ["kind", "state", "lane", "member"] },
  ),
  fc.record(
    {
      ...{ ...life, kind: fc.constant("member" as const), state: fc.constant("up" as const) },
      ...{ since: wholeNumber, broadcasts: fc.constant(true as const) },
    },
    { requiredKeys: ["kind", "state", "member", "incarnation", "uid", "leaseMs"] },
  ),
  fc.record({
    kind: fc.constant("member" as const),
    state: fc.constantFrom("left" as const, "fenced" as const),
    member: name,
    incarnation: name,
  }),
  fc.record(
    {
      kind: fc.constant("beat" as const),
      member: name,
      incarnation: name,
      ephemeral: fc.constant(true as const),
    },
    { requiredKeys: ["kind", "member", "incarnation"] },
  ),
  fc.record({ kind: fc.constant("gone" as const), member: name }),
  fc.record({
    kind: fc.constant("planner" as const),
    state: fc.constantFrom("up" as const, "beat" as const, "left" as const),
    holder: name,
  }),
);

const broadcastId = fc.constant(null).map(() => newBroadcastId());
/** As many digits as the log carries. */
const time = fc.nat(999_999_999_999_999);
const expectedMember = fc.record({ member: name, incarnation: name }, { requiredKeys: ["member"] });

/** Everything that begins on `S.broadcast`. */
export const broadcasts: fc.Arbitrary<BroadcastEnvelope> = fc.record(
  {
    ...{ id: broadcastId, service: label, handler, contentType: text, traceparent: text },
    ...{ headers: userHeaders, body: buffers, acceptedMs: time, expiresMs: time, epoch: time },
    ack: fc.oneof(
      fc.record({ kind: fc.constantFrom("all" as const, "quorum" as const, "none" as const) }),
      fc.record({ kind: fc.constant("count" as const), count: fc.integer({ min: 1, max: 99_999 }) }),
    ),
    expected: fc.array(expectedMember, { maxLength: 6 }),
    targeted: fc.boolean(),
    redriveOf: broadcastId,
  },
  {
    requiredKeys: [
      ...(["id", "service", "handler", "headers", "body", "acceptedMs"] as const),
      ...(["expiresMs", "ack", "epoch", "expected", "targeted"] as const),
    ],
  },
);

const said = {
  id: broadcastId,
  author: fc.oneof(fc.record({ member: name, token: time }), fc.record({ member: name, incarnation: name })),
  atMs: time,
  attempt: time,
};

/** Everything that travels on `S.acks`. */
export const acks: fc.Arbitrary<AckRecord> = fc.oneof(
  fc.record({ ...said, kind: fc.constant("running" as const) }),
  fc.record({ ...said, kind: fc.constant("retrying" as const), reason: text }),
  fc.record({ ...said, kind: fc.constant("failed" as const), code: errorCodes, reason: text }),
  fc.record(
    {
      ...{ ...said, kind: fc.constant("acked" as const), status: fc.integer({ min: 200, max: 599 }) },
      ...{ contentType: text, headers: userHeaders, body: buffers },
    },
    { requiredKeys: ["id", "author", "atMs", "attempt", "kind", "status", "headers", "body"] },
  ),
  fc.record({
    ...{ kind: fc.constant("gone" as const), id: broadcastId, atMs: time },
    members: fc.array(expectedMember, { maxLength: 6 }),
  }),
  fc.record({
    ...{ kind: fc.constant("closed" as const), id: broadcastId, atMs: time },
    why: fc.constantFrom("expired" as const, "cancelled" as const),
  }),
  fc.record({ kind: fc.constant("joined" as const), member: name, token: time }),
);

const ourNames = [
  "sc-version",
  "sc-id",
  "sc-service",
  "sc-handler",
  "sc-attempt",
  "sc-deadline",
  "sc-reply-to",
];
const oneValue = fc.oneof(
  buffers,
  fc.uint8Array({ maxLength: 2 }),
  text,
  fc.constantFrom("\u0001", "accounts", "1", "-1", "9".repeat(400), "x".repeat(70_000), "1/", "/a", "1/a"),
);
const anyValue = fc.oneof(
  { weight: 8, arbitrary: oneValue },
  fc.array(oneValue, { maxLength: 3 }),
  fc.constantFrom(undefined, null, Uint8Array.of(1)),
);

/** What a stranger, or a bug, may have written: any headers at all, ours among them. */
export const garbage: fc.Arbitrary<IncomingRecord> = fc.record({
  key: fc.option(fc.oneof(buffers, fc.constant(Buffer.alloc(5_000)))),
  value: fc.option(buffers),
  headers: fc
    .array(
      fc.tuple(
        fc.oneof(
          fc.constantFrom(
            ...ourNames,
            "__proto__",
            "content-type",
            "http-",
            "http-a",
            "sc-to",
            "sc-token",
            "sc-fence",
          ),
          text,
        ),
        anyValue,
      ),
      { maxLength: 10 },
    )
    .map((entries) => Object.fromEntries(entries) as IncomingRecord["headers"]),
});

/** The record as a reader gets it: header values as bytes. */
export function throughTheLog({ key, value, headers }: WireRecord): IncomingRecord {
  const entries = Object.entries(headers).map(([name, bytes]) => [name, Buffer.from(bytes as string)]);
  return { key, value, headers: Object.fromEntries(entries) };
}
