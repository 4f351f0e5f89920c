import { z } from "zod";
import { type ErrorCode, isErrorCode } from "./error-table.ts";
import { readForeignEvent } from "./foreign-event.ts";
import { asBuffer, headerText, type IncomingRecord, type RecordHeaders, type WireRecord } from "./record.ts";
import { decodeUserHeaders, type UserHeaders } from "./user-headers.ts";
import { readVersion, VERSION_HEADER, VERSION_VALUE } from "./version.ts";

/** Why a record was given up, and where it came from. */
export interface DeadLetterReason {
  readonly code: ErrorCode;
  /** The last error, in words; cut at 1,024 characters. */
  readonly reason: string;
  /** Handler attempts made; 0 when no handler ever saw it. */
  readonly attempts: number;
  readonly origin: { readonly topic: string; readonly partition: number; readonly offset: number };
  readonly member: string;
  /** Epoch milliseconds. */
  readonly atMs: number;
  /** It has parked its key, or came when that was parked: what follows it of the key is not handled before it. */
  readonly parked?: true;
}

/** A record given up, with the request in it as far as it can be read: it may never have been one. */
export interface DeadLetter {
  readonly why: DeadLetterReason;
  /** The record was too large for its letter: the body, or everything, is at the origin only. */
  readonly truncated: boolean;
  /** Null where the record had none, or was too large. */
  readonly key: Buffer | null;
  /** As `decodeRequest` finds it; absent where the record names none. */
  readonly id?: string;
  /** Empty for the default handler; absent where nothing of the record is left. */
  readonly handler?: string;
  readonly contentType?: string;
  readonly headers: UserHeaders;
  readonly body: Buffer;
}

/** Offsets from `from` to before `to`. */
export interface OffsetSpan {
  readonly from: number;
  readonly to: number;
}

/**
 * Says of letters before it on its partition of `S.dead` that nothing is left to be done about them. Lies among the
 * letters, in the commit that sends their requests again, so that the two are there together or not at all.
 */
export interface RedrivenMarker {
  /** One run of a redrive, which may write several markers. */
  readonly redriveId: string;
  /** `redriven`: the requests were sent again. `discarded`: they were not, somebody has decided so. */
  readonly how: "redriven" | "discarded";
  /** Epoch milliseconds. */
  readonly atMs: number;
  /** The partition's lowest offset then: what was said of offsets below it can be forgotten (C7). */
  readonly low: number;
  /** The letters: each one that lies in a span. */
  readonly letters: readonly OffsetSpan[];
}

const EMPTY = Buffer.alloc(0);
const MAX_REASON = 1024;
const CODE_HEADER = "sc-dead-code";
const TRUNCATED_HEADER = "sc-dead-truncated";
const PARKED_HEADER = "sc-dead-parked";
const MARKER_HEADER = "sc-redrive";
const UNPARKED_HEADER = "sc-unparked";
const ORIGIN = /^([^/]+)\/([0-9]{1,16})\/([0-9]{1,16})$/;
const WHOLE = /^[0-9]{1,16}$/;

const whole = z.number().int().min(0);
const marker = z.object({
  redriveId: z.string().min(1).max(256),
  how: z.enum(["redriven", "discarded"]),
  atMs: whole,
  low: whole,
  letters: z.array(z.object({ from: whole, to: whole }).refine(({ from, to }) => from < to)).max(10_000),
});

/** Kafka allows a header without a value; its writers here do not, so it becomes an empty one. */
function withoutNulls(headers: IncomingRecord["headers"]): Record<string, RecordHeaders[string]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value)
        ? value.map((one) => one ?? EMPTY)
        : ((value as RecordHeaders[string] | null) ?? EMPTY),
    ]),
  );
}

/** The record for `S.dead`: key, value and headers as they were, and why beside them. */
export function encodeDeadLetter(record: IncomingRecord, why: DeadLetterReason): WireRecord {
  const headers: Record<string, RecordHeaders[string]> = {
    ...withoutNulls(record.headers),
    [CODE_HEADER]: why.code,
    "sc-dead-reason": why.reason.slice(0, MAX_REASON),
    "sc-dead-attempts": String(why.attempts),
    "sc-dead-origin": `${why.origin.topic}/${why.origin.partition}/${why.origin.offset}`,
    "sc-dead-member": why.member,
    "sc-dead-at": String(why.atMs),
  };
  // Whoever wrote it on the request did not cut this letter; a redrive would pass over it.
  delete headers[TRUNCATED_HEADER];
  // Nor did he park the key.
  delete headers[PARKED_HEADER];
  if (why.parked) headers[PARKED_HEADER] = "true";
  return { key: record.key, value: record.value, headers };
}

/** The letter in a record of `S.dead`, undefined when it is none; never throws, whatever the bytes. */
export function decodeDeadLetter({ key, value, headers }: IncomingRecord): DeadLetter | undefined {
  const why = decodeReason(headers);
  if (why === undefined) return undefined;
  const stranger = readVersion(headers).kind === "absent";
  // As the worker names it; a letter without a key may be one of which only the reason is left.
  const { topic, partition, offset } = why.origin;
  const strangersId = key === null ? undefined : `${topic}-${partition}-${offset}`;
  const id = stranger ? strangersId : headerText(headers, "sc-id");
  const foreign = stranger ? readForeignEvent(headers) : undefined;
  const handler = foreign?.handler ?? headerText(headers, "sc-handler") ?? "";
  const contentType = headerText(headers, "content-type");
  return {
    why,
    truncated: headerText(headers, TRUNCATED_HEADER) === "true",
    key: key === null ? null : asBuffer(key),
    ...(id === undefined ? {} : { id }),
    ...(stranger && key === null ? {} : { handler }),
    ...(contentType === undefined ? {} : { contentType }),
    headers: foreign?.headers ?? decodeUserHeaders(headers),
    body: asBuffer(value ?? EMPTY),
  };
}

function decodeReason(headers: IncomingRecord["headers"]): DeadLetterReason | undefined {
  const code = headerText(headers, CODE_HEADER);
  const reason = headerText(headers, "sc-dead-reason");
  const attempts = wholeNumber(headerText(headers, "sc-dead-attempts"));
  const [, topic, partition, offset] = ORIGIN.exec(headerText(headers, "sc-dead-origin") ?? "") ?? [];
  const origin = { topic, partition: wholeNumber(partition), offset: wholeNumber(offset) };
  const member = headerText(headers, "sc-dead-member");
  const atMs = wholeNumber(headerText(headers, "sc-dead-at"));
  if (code === undefined || reason === undefined || attempts === undefined) return undefined;
  if (member === undefined || atMs === undefined || origin.topic === undefined) return undefined;
  if (origin.partition === undefined || origin.offset === undefined) return undefined;
  return {
    code: isErrorCode(code) ? code : "SHARDCAST_UNSUPPORTED_VERSION",
    reason,
    attempts,
    origin: { topic: origin.topic, partition: origin.partition, offset: origin.offset },
    member,
    atMs,
    ...(headerText(headers, PARKED_HEADER) === "true" ? { parked: true } : {}),
  };
}

/** The record of a marker. Round-trips through {@link decodeRedriven}. */
export function encodeRedriven(said: RedrivenMarker): WireRecord {
  return {
    key: Buffer.from(said.redriveId),
    value: Buffer.from(JSON.stringify(said)),
    headers: { [VERSION_HEADER]: VERSION_VALUE, [MARKER_HEADER]: "1" },
  };
}

/** The marker in a record, undefined when it is none; never throws, whatever the bytes. Cheap for letters. */
export function decodeRedriven({ headers, value }: IncomingRecord): RedrivenMarker | undefined {
  if (!Object.hasOwn(headers, MARKER_HEADER) || value === null) return undefined;
  // A letter keeps the headers of its record, which may be anybody's.
  if (Object.hasOwn(headers, CODE_HEADER) || readVersion(headers).kind !== "ours") return undefined;
  try {
    return marker.safeParse(JSON.parse(asBuffer(value).toString("utf8"))).data;
  } catch {
    return undefined;
  }
}

/** The record on `S.dead` that says that a key is not parked any more. Written by the owner of its lane. */
export function encodeUnparked(key: Buffer): WireRecord {
  return { key, value: null, headers: { [VERSION_HEADER]: VERSION_VALUE, [UNPARKED_HEADER]: "1" } };
}

/** Whether a record says of its key that it is not parked any more. */
export function isUnparked({ headers }: IncomingRecord): boolean {
  if (!Object.hasOwn(headers, UNPARKED_HEADER) || Object.hasOwn(headers, CODE_HEADER)) return false;
  return readVersion(headers).kind === "ours";
}

/** Whether a record is a letter that lies parked. Cheap, for all letters are asked. */
export function isParkedLetter({ headers }: IncomingRecord): boolean {
  return Object.hasOwn(headers, CODE_HEADER) && headerText(headers, PARKED_HEADER) === "true";
}

function wholeNumber(text: string | undefined): number | undefined {
  const value = text !== undefined && WHOLE.test(text) ? Number(text) : undefined;
  return Number.isSafeInteger(value) ? value : undefined;
}
