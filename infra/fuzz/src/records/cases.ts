import type { Random } from "@shardcast/infra-random";
import {
  decodeRequest,
  encodeReply,
  encodeRequest,
  newRequestId,
  REPLY_PARTITIONS,
  type RequestEnvelope,
} from "@shardcast/protocol";
import { murmur2Lane } from "@shardcast/routing";
import type { PlainHeader, PlainRecord } from "../target/messages.ts";
import {
  CLIENT_INSTANCE,
  COLLECTOR,
  ECHO_SERVICE,
  LANES,
  MAX_RECORD_BYTES,
  NAMED_SERVICE,
} from "../target/settings.ts";

/** A record and what must come of it; where nothing is said, it only has to end. */
export interface RecordCase {
  readonly name: string;
  readonly record: PlainRecord;
  /** In the dead letters, or not; with which code. */
  readonly dead?: string | false;
  readonly status?: number;
  readonly body?: Buffer;
}

type Wire = Pick<PlainRecord, "key" | "value" | "headers">;
type Expected = Omit<RecordCase, "name" | "record">;
type Make = (random: Random) => { record: PlainRecord } & Expected;

const MALFORMED = "SHARDCAST_MALFORMED_RECORD";

const makers: readonly (readonly [weight: number, name: string, make: Make])[] = [
  [6, "valid request", validRequest],
  [2, "stranger's event", strangersEvent],
  [4, "malformed on purpose", malformed],
  [6, "mutated request", mutated],
  [4, "random record", randomRecord],
  [1, "expired request", expired],
  [2, "odd reply address", oddReplyAddress],
  [2, "record at the size limit", atSizeLimit],
  [3, "random reply", randomReply],
];
const bag = makers.flatMap(([weight, name, make]) => Array.from({ length: weight }, () => ({ name, make })));

export function recordCase(random: Random): RecordCase {
  const { name, make } = random.pick(bag);
  return { name, ...make(random) };
}

function envelope(random: Random, changes: Partial<RequestEnvelope> = {}): RequestEnvelope {
  return {
    id: newRequestId(0),
    service: ECHO_SERVICE,
    key: Buffer.from(`key ${random.between(0, 20)}`),
    handler: random.pick(["", "echo", "slow"]),
    replyTo: COLLECTOR,
    attempt: 1,
    headers: random.chance(0.3) ? { "x-a": "1", accept: "é" } : {},
    body: random.bytes(random.length(2_000)),
    ...changes,
  };
}

/** Any lane: nobody makes a stranger keep to the partitioner. */
function onLane(random: Random, { key, value, headers }: Wire, service = ECHO_SERVICE): PlainRecord {
  return { topic: `${service}.requests`, partition: random.between(0, LANES - 1), key, value, headers };
}

function validRequest(random: Random) {
  const request = envelope(random);
  const { replyTo: _none, ...unanswered } = request;
  if (random.chance(0.2)) return { record: onLane(random, encodeRequest(unanswered)), dead: false as const };
  return {
    record: onLane(random, encodeRequest(request)),
    dead: false as const,
    status: 200,
    body: request.body,
  };
}

function strangersEvent(random: Random) {
  const headers = { "sc-id": "mine", "sc-reply-to": "x", other: random.bytes(5) };
  const wire = {
    key: random.bytes(random.between(0, 50)),
    value: random.chance(0.2) ? null : random.bytes(50),
    headers,
  };
  return random.chance(0.5)
    ? { record: onLane(random, wire), dead: false as const }
    : { record: onLane(random, wire, NAMED_SERVICE), dead: "SHARDCAST_UNKNOWN_HANDLER" };
}

function malformed(random: Random) {
  const wire = encodeRequest(envelope(random));
  const change = (headers: Record<string, PlainHeader>) => ({
    record: onLane(random, { ...wire, headers: { ...wire.headers, ...headers } }),
    dead: MALFORMED,
  });
  switch (random.between(0, 9)) {
    case 0:
      return {
        record: onLane(random, { ...wire, key: null, headers: wire.headers }),
        dead: MALFORMED,
      };
    case 1:
      return {
        record: onLane(random, {
          ...wire,
          key: Buffer.alloc(4_097, "k"),
          headers: wire.headers,
        }),
        dead: MALFORMED,
      };
    case 2:
      return {
        ...change({ "sc-version": Buffer.of(random.between(2, 255)) }),
        dead: "SHARDCAST_UNSUPPORTED_VERSION",
      };
    case 3:
      return change({
        "sc-version": random.pick<PlainHeader>([Buffer.of(), Buffer.of(0), Buffer.of(1, 1), "", []]),
      });
    case 4:
      return change({ "sc-id": random.pick(["", "i".repeat(257)]) });
    case 5:
      return change({ "sc-service": random.pick(["", "other", "UPPER", "fuzz.", "-", "\u0000"]) });
    case 6:
      return change({ "sc-deadline": random.pick(["", "-1", "1e9", "soon", "9".repeat(17), "1.5", " 1"]) });
    case 7:
      return change({ "sc-attempt": random.pick(["0", "-1", "", "x", "1.5"]) });
    case 8:
      return change({
        "sc-reply-to": random.pick(["", "/", "x/y", "5", "5/", "/fuzz", `5/${"i".repeat(256)}`, "-1/a"]),
      });
    default:
      return change({ "sc-handler": random.pick(["\u0000", "h".repeat(256), "a\nb", "\u007f"]) });
  }
}

/** What the decoder calls malformed must be in the dead letters; whatever else it became only has to end. */
function mutated(random: Random) {
  const wire = encodeRequest(envelope(random, random.chance(0.5) ? { deadlineMs: Date.now() + 60_000 } : {}));
  const headers: Record<string, PlainHeader> = {};
  for (const [name, value] of Object.entries(wire.headers)) {
    const bytes = Buffer.from(value as Uint8Array | string);
    switch (random.between(0, 9)) {
      case 0:
        break; // left out
      case 1:
        headers[name] = random.mutate(bytes, 2);
        break;
      case 2:
        headers[name] = random.chance(0.5) ? [bytes, random.mutate(bytes, 1)] : [random.bytes(3), bytes];
        break;
      case 3:
        headers[random.mutate(Buffer.from(name), 1).toString("latin1")] = bytes;
        break;
      default:
        headers[name] = bytes;
    }
  }
  const key = random.chance(0.2) && wire.key !== null ? random.mutate(wire.key, 2) : wire.key;
  return judged(onLane(random, { key, value: wire.value, headers }));
}

function judged(record: PlainRecord): { record: PlainRecord } & Expected {
  // As a reader meets them: bytes.
  const headers = Object.fromEntries(
    Object.entries(record.headers).map(([name, value]) => [
      name,
      typeof value === "string" ? Buffer.from(value) : (value ?? undefined),
    ]),
  );
  const { key, value } = record as { key: Buffer | null; value: Buffer | null };
  const decoded = decodeRequest({ key, value, headers }, ECHO_SERVICE, "origin");
  return decoded.kind === "malformed" ? { record, dead: decoded.code } : { record };
}

function randomRecord(random: Random) {
  const headers: Record<string, PlainHeader> = {};
  for (let i = random.between(0, 12); i > 0; i--) headers[anyHeaderName(random)] = anyHeaderValue(random);
  const key = random.chance(0.1) ? null : random.bytes(random.length(5_000));
  const value = random.chance(0.1) ? null : random.bytes(random.length(3_000));
  return judged(onLane(random, { key, value, headers }));
}

function anyHeaderName(random: Random): string {
  return random.pick([
    ...[
      "sc-version",
      "sc-id",
      "sc-service",
      "sc-handler",
      "sc-reply-to",
      "sc-deadline",
      "sc-attempt",
      "traceparent",
    ],
    ...[
      "content-type",
      "http-",
      "http-x",
      "http-content-length",
      "http-__proto__",
      "__proto__",
      "constructor",
      "",
    ],
    ...[
      "sc-dead-code",
      "sc-dead-origin",
      "sc-status",
      "sc-error",
      "sc-to",
      "漢",
      "n".repeat(random.length(3_000)),
    ],
  ]);
}

function anyHeaderValue(random: Random): PlainHeader {
  switch (random.between(0, 7)) {
    case 0:
      return Buffer.of(1);
    case 1:
      return random.pick(["", "0", "1", ECHO_SERVICE, "5/fuzz-collector", "9999999999999999", "\u0000", "é"]);
    case 2:
      return random.list(0, 3, () => random.bytes(random.between(0, 3)));
    case 3:
      return null;
    case 4:
      return "x";
    case 5:
      return random.bytes(random.length(20_000));
    default:
      return random.bytes(random.between(0, 30));
  }
}

function expired(random: Random) {
  const request = envelope(random, { deadlineMs: random.pick([0, 1, Date.now() - 1_000]) });
  return { record: onLane(random, encodeRequest(request)), dead: false as const, status: 504 };
}

function oddReplyAddress(random: Random) {
  const partition = random.pick([REPLY_PARTITIONS, 9_999, Number.MAX_SAFE_INTEGER, 2 ** 31, 0]);
  const instance = random.pick(["x", "/", "é", "i".repeat(255), CLIENT_INSTANCE, "__proto__", "\u0000"]);
  const request = envelope(random, { replyTo: { partition, instance } });
  return { record: onLane(random, encodeRequest(request)), dead: false as const };
}

/** So large that what the worker adds, to bury or to answer it, may not fit any more. */
function atSizeLimit(random: Random): { record: PlainRecord } & Expected {
  const filler = (used: number) =>
    Buffer.alloc(Math.max(0, MAX_RECORD_BYTES - used - random.length(400)), "f");
  const version = { "sc-version": Buffer.of(9) };
  switch (random.between(0, 3)) {
    case 0:
      return judged(onLane(random, { key: Buffer.from("k"), value: filler(11), headers: version }));
    case 1:
      return judged(
        onLane(random, { key: Buffer.from("k"), value: null, headers: { ...version, large: filler(17) } }),
      );
    case 2:
      return judged(onLane(random, { key: filler(11), value: null, headers: version }));
    default: {
      const { key, headers } = encodeRequest(envelope(random, { headers: {} }));
      const used =
        20 + Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
      return judged(onLane(random, { key, value: filler(used), headers: headers }));
    }
  }
}

/** Replies that nobody asked for, some to callers that are there; nothing may come of them. */
function randomReply(random: Random) {
  const mine = murmur2Lane(CLIENT_INSTANCE, REPLY_PARTITIONS);
  const wire = encodeReply({
    id: newRequestId(0),
    instance: random.pick([CLIENT_INSTANCE, "nobody"]),
    status: random.pick([200, 404, 500]),
    headers: {},
    body: random.bytes(random.length(500)),
  });
  const headers: Record<string, PlainHeader> = {};
  for (const [name, value] of Object.entries(wire.headers)) {
    if (random.chance(0.9)) headers[name] = random.chance(0.7) ? value : anyHeaderValue(random);
  }
  headers[anyHeaderName(random)] = anyHeaderValue(random);
  const partition = random.chance(0.5) ? mine : random.between(0, REPLY_PARTITIONS - 1);
  const key = random.chance(0.8) ? wire.key : random.bytes(random.length(100));
  return { record: { topic: `${ECHO_SERVICE}.replies`, partition, key, value: wire.value, headers } };
}
