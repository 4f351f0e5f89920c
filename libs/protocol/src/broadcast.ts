import { idempotentRequestId, laneOfRequestId, newRequestId } from "./id.ts";
import { isHandlerName, isServiceName } from "./names.ts";
import { asBuffer, headerText, type IncomingRecord, type WireRecord } from "./record.ts";
import { ACK_PARTITIONS } from "./topics.ts";
import { decodeUserHeaders, encodeUserHeaders, type UserHeaders } from "./user-headers.ts";
import { readVersion, VERSION_HEADER, VERSION_VALUE } from "./version.ts";

/** Whose acknowledgements a broadcast needs. Members that are gone count neither for nor against it. */
export type AckMode =
  | { readonly kind: "all" | "quorum" | "none" }
  | { readonly kind: "count"; readonly count: number };

/** A member that a broadcast expects. */
export interface ExpectedMember {
  readonly member: string;
  /** Of an ephemeral member: another incarnation of its name is another member. Absent for a durable one. */
  readonly incarnation?: string;
}

/** A notify-all job as it travels on `S.broadcast`. */
export interface BroadcastEnvelope {
  /** From {@link newBroadcastId} or {@link idempotentBroadcastId}; of two with the same id the first on the log counts. */
  readonly id: string;
  readonly service: string;
  /** Empty for the default handler. */
  readonly handler: string;
  readonly contentType?: string;
  /** W3C Trace Context. */
  readonly traceparent?: string;
  readonly headers: UserHeaders;
  readonly body: Buffer;
  /** Epoch milliseconds. */
  readonly acceptedMs: number;
  /** Epoch milliseconds after which no handler starts (C8); the time to live. */
  readonly expiresMs: number;
  readonly ack: AckMode;
  /** Of the shard map when it was accepted; 0 while nobody has planned. */
  readonly epoch: number;
  /** Frozen when it was accepted. */
  readonly expected: readonly ExpectedMember[];
  /** Only who is expected acts on it. */
  readonly targeted: boolean;
  /** The broadcast whose unfinished members this one is for. */
  readonly redriveOf?: string;
}

export type DecodedBroadcast =
  | { readonly kind: "broadcast"; readonly broadcast: BroadcastEnvelope }
  /** Somebody wants that no further member begins with it, and that those who have begun stop. */
  | { readonly kind: "cancel"; readonly id: string }
  | { readonly kind: "malformed"; readonly reason: string };

/** Members that one broadcast can expect. */
export const MAX_EXPECTED = 10_000;

const MAX_NAME = 1_024;
const EMPTY = Buffer.alloc(0);
const CANCEL = "cancel";
const WHOLE = /^[0-9]{1,15}$/;

/** A new id: its last bits say which partition of `S.acks` is the broadcast's. */
export function newBroadcastId(): string {
  return newRequestId(Math.floor(Math.random() * ACK_PARTITIONS));
}

/** The id of a broadcast with an idempotency key: the same for everybody who asks with it (C5). */
export function idempotentBroadcastId(service: string, idempotencyKey: string): string {
  const nobodys = EMPTY; // no shard key is empty, so no request has this id
  const [first = 0] = Buffer.from(idempotentRequestId(service, nobodys, idempotencyKey, 0), "hex");
  return idempotentRequestId(service, nobodys, idempotencyKey, first % ACK_PARTITIONS);
}

/** The partition of `S.acks` where everything about a broadcast lies; undefined when it is no id of one. */
export function ackPartitionOf(id: string): number | undefined {
  return laneOfRequestId(id, ACK_PARTITIONS);
}

/** As the gateway's `ack` says it: `all`, `quorum`, `none`, or a number. */
export function ackText(ack: AckMode): string {
  return ack.kind === "count" ? String(ack.count) : ack.kind;
}

/** Undefined when it is none of those. */
export function parseAck(text: string): AckMode | undefined {
  if (text === "all" || text === "quorum" || text === "none") return { kind: text };
  if (!/^[1-9][0-9]{0,4}$/.test(text)) return undefined;
  return { kind: "count", count: Number(text) };
}

/** The record of a broadcast. Round-trips through {@link decodeBroadcast}. */
export function encodeBroadcast(broadcast: BroadcastEnvelope): WireRecord {
  const headers: Record<string, Uint8Array | string> = {
    [VERSION_HEADER]: VERSION_VALUE,
    "sc-service": broadcast.service,
    "sc-at": String(broadcast.acceptedMs),
    "sc-deadline": String(broadcast.expiresMs),
    "sc-ack": ackText(broadcast.ack),
    "sc-epoch": String(broadcast.epoch),
    "sc-expected": JSON.stringify(
      broadcast.expected.map(({ member, incarnation }) =>
        incarnation === undefined ? member : [member, incarnation],
      ),
    ),
  };
  if (broadcast.handler !== "") headers["sc-handler"] = broadcast.handler;
  if (broadcast.targeted) headers["sc-targeted"] = "1";
  if (broadcast.redriveOf !== undefined) headers["sc-redrive-of"] = broadcast.redriveOf;
  if (broadcast.contentType !== undefined) headers["content-type"] = broadcast.contentType;
  if (broadcast.traceparent !== undefined) headers.traceparent = broadcast.traceparent;
  encodeUserHeaders(broadcast.headers, headers);
  return { key: Buffer.from(broadcast.id), value: broadcast.body, headers };
}

/** The record that cancels a broadcast; it comes after it. */
export function encodeBroadcastCancel(service: string, id: string): WireRecord {
  const headers = { [VERSION_HEADER]: VERSION_VALUE, "sc-service": service, "sc-kind": CANCEL };
  return { key: Buffer.from(id), value: null, headers };
}

/** What a record of `S.broadcast` says; never throws, whatever the bytes. */
export function decodeBroadcast(record: IncomingRecord, service: string): DecodedBroadcast {
  const { headers } = record;
  if (readVersion(headers).kind !== "ours") return malformed("it is not of our protocol");
  const id = record.key?.toString("utf8") ?? "";
  if (ackPartitionOf(id) === undefined) return malformed("the key is not the id of a broadcast");
  const to = headerText(headers, "sc-service") ?? "";
  if (!isServiceName(to) || to !== service) return malformed("it is not for this service");
  const kind = headerText(headers, "sc-kind");
  if (kind === CANCEL) return { kind: "cancel", id };
  if (kind !== undefined) return malformed("sc-kind is none that is known");
  const handler = headerText(headers, "sc-handler") ?? "";
  if (!isHandlerName(handler)) return malformed("sc-handler is not a handler name");
  const [acceptedMs, expiresMs, epoch] = ["sc-at", "sc-deadline", "sc-epoch"].map((each) =>
    whole(headers, each),
  );
  if (acceptedMs === undefined || expiresMs === undefined || epoch === undefined) {
    return malformed("sc-at, sc-deadline or sc-epoch is not a whole number");
  }
  const ack = parseAck(headerText(headers, "sc-ack") ?? "");
  if (ack === undefined) return malformed("sc-ack is none that is known");
  const expected = parseExpected(headerText(headers, "sc-expected") ?? "");
  if (expected === undefined) return malformed("sc-expected is not a list of members");
  const redriveOf = headerText(headers, "sc-redrive-of");
  const contentType = headerText(headers, "content-type");
  const traceparent = headerText(headers, "traceparent");
  return {
    kind: "broadcast",
    broadcast: {
      id,
      service,
      handler,
      acceptedMs,
      expiresMs,
      ack,
      epoch,
      expected,
      targeted: headerText(headers, "sc-targeted") === "1",
      headers: decodeUserHeaders(headers),
      body: asBuffer(record.value ?? EMPTY),
      ...(redriveOf === undefined ? {} : { redriveOf }),
      ...(contentType === undefined ? {} : { contentType }),
      ...(traceparent === undefined ? {} : { traceparent }),
    },
  };
}

/** By hand: every member reads it before it can act, and there may be thousands. */
function parseExpected(text: string): readonly ExpectedMember[] | undefined {
  let listed: unknown;
  try {
    listed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(listed) || listed.length > MAX_EXPECTED) return undefined;
  const expected: ExpectedMember[] = [];
  for (const each of listed as unknown[]) {
    if (isName(each)) expected.push({ member: each });
    else if (Array.isArray(each) && each.length === 2 && isName(each[0]) && isName(each[1]))
      expected.push({ member: each[0], incarnation: each[1] });
    else return undefined;
  }
  return expected;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= MAX_NAME;
}

function malformed(reason: string): DecodedBroadcast {
  return { kind: "malformed", reason };
}

function whole(headers: IncomingRecord["headers"], header: string): number | undefined {
  const text = headerText(headers, header) ?? "";
  return WHOLE.test(text) ? Number(text) : undefined;
}
