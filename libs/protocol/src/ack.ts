import { z } from "zod";
import { ackPartitionOf, type ExpectedMember, MAX_EXPECTED } from "./broadcast.ts";
import { type ErrorCode, isErrorCode } from "./error-table.ts";
import { asBuffer, headerText, type IncomingRecord, type WireRecord } from "./record.ts";
import { decodeUserHeaders, encodeUserHeaders, type UserHeaders } from "./user-headers.ts";
import { readVersion, VERSION_HEADER, VERSION_VALUE } from "./version.ts";

/** Who speaks. A durable member's words go by its fencing token, an ephemeral one's by its incarnation. */
export type AckAuthor =
  | { readonly member: string; readonly token: number }
  | { readonly member: string; readonly incarnation: string };

interface Said {
  /** The broadcast's id. */
  readonly id: string;
  readonly author: AckAuthor;
  /** Epoch milliseconds. */
  readonly atMs: number;
  /** Attempts of the handler so far, this one included. */
  readonly attempt: number;
}

/** What travels on `S.acks`, in one order for each broadcast. Of what is said of one member the first final word counts. */
export type AckRecord =
  /** An attempt has been running for a while. Not said of those that are quick. */
  | (Said & { readonly kind: "running" })
  /** An attempt has failed, and there will be another. */
  | (Said & { readonly kind: "retrying"; readonly reason: string })
  /** Final: it has acted, and this is its reply. */
  | (Said & {
      readonly kind: "acked";
      readonly status: number;
      readonly contentType?: string;
      readonly headers: UserHeaders;
      readonly body: Buffer;
    })
  /** Final: it will not try again. */
  | (Said & { readonly kind: "failed"; readonly code: ErrorCode; readonly reason: string })
  /** Final, by a gateway: these were removed since it was accepted, or have died and are not expected any more. */
  | {
      readonly kind: "gone";
      readonly id: string;
      readonly atMs: number;
      readonly members: readonly ExpectedMember[];
    }
  /** Final, by a gateway, for everybody of whom nothing final was said before. */
  | {
      readonly kind: "closed";
      readonly id: string;
      readonly atMs: number;
      readonly why: "expired" | "cancelled";
    }
  /** On every partition: a new process is this durable member; what older ones say after this does not count (C6). */
  | { readonly kind: "joined"; readonly member: string; readonly token: number };

const WHOLE = /^[0-9]{1,15}$/;
const STATUS = /^[2-5][0-9]{2}$/;
const MAX_NAME = 1_024;
const MAX_REASON = 1_024;
const EMPTY = Buffer.alloc(0);

const name = z.string().min(1).max(MAX_NAME);
const goneMembers = z
  .array(z.strictObject({ member: name, incarnation: name.exactOptional() }))
  .max(MAX_EXPECTED);

/** The record; it goes to {@link ackPartitionOf} of the id, `joined` to every partition. Round-trips through {@link decodeAck}. */
export function encodeAck(ack: AckRecord): WireRecord {
  const headers: Record<string, Uint8Array | string> = {
    [VERSION_HEADER]: VERSION_VALUE,
    "sc-ack-kind": ack.kind,
  };
  if (ack.kind === "joined") {
    headers["sc-token"] = String(ack.token);
    headers["sc-member"] = ack.member;
    return { key: null, value: null, headers };
  }
  const key = Buffer.from(ack.id);
  headers["sc-at"] = String(ack.atMs);
  if (ack.kind === "gone") return { key, value: Buffer.from(JSON.stringify(ack.members)), headers };
  if (ack.kind === "closed") return { key, value: null, headers: { ...headers, "sc-why": ack.why } };
  const { author } = ack;
  headers["sc-member"] = author.member;
  if ("token" in author) headers["sc-token"] = String(author.token);
  else headers["sc-incarnation"] = author.incarnation;
  headers["sc-attempt"] = String(ack.attempt);
  if (ack.kind === "retrying" || ack.kind === "failed")
    headers["sc-reason"] = ack.reason.slice(0, MAX_REASON);
  if (ack.kind === "failed") headers["sc-error"] = ack.code;
  if (ack.kind !== "acked") return { key, value: null, headers };
  headers["sc-status"] = String(ack.status);
  if (ack.contentType !== undefined) headers["content-type"] = ack.contentType;
  encodeUserHeaders(ack.headers, headers);
  return { key, value: ack.body, headers };
}

/** What a record of `S.acks` says, undefined when it is none of ours; never throws, whatever the bytes. */
export function decodeAck(record: IncomingRecord): AckRecord | undefined {
  const { headers } = record;
  if (readVersion(headers).kind !== "ours") return undefined;
  const kind = headerText(headers, "sc-ack-kind");
  const member = headerText(headers, "sc-member") ?? "";
  const token = whole(headers, "sc-token");
  if (kind === "joined") {
    return token === undefined || !isName(member) ? undefined : { kind, member, token };
  }
  const id = record.key?.toString("utf8") ?? "";
  const atMs = whole(headers, "sc-at");
  if (ackPartitionOf(id) === undefined || atMs === undefined) return undefined;
  if (kind === "gone") {
    const members = parseMembers(record.value);
    return members && { kind, id, atMs, members };
  }
  if (kind === "closed") {
    const why = headerText(headers, "sc-why");
    return why === "expired" || why === "cancelled" ? { kind, id, atMs, why } : undefined;
  }
  const incarnation = headerText(headers, "sc-incarnation") ?? "";
  const attempt = whole(headers, "sc-attempt");
  if (!isName(member) || attempt === undefined) return undefined;
  if (token === undefined && !isName(incarnation)) return undefined;
  const author: AckAuthor = token === undefined ? { member, incarnation } : { member, token };
  const said: Said = { id, author, atMs, attempt };
  const reason = headerText(headers, "sc-reason") ?? "";
  switch (kind) {
    case "running":
      return { ...said, kind };
    case "retrying":
      return { ...said, kind, reason };
    case "failed": {
      const code = headerText(headers, "sc-error") ?? "";
      return { ...said, kind, reason, code: isErrorCode(code) ? code : "SHARDCAST_UNSUPPORTED_VERSION" };
    }
    case "acked": {
      const status = headerText(headers, "sc-status") ?? "";
      const contentType = headerText(headers, "content-type");
      if (!STATUS.test(status)) return undefined;
      return {
        ...said,
        kind,
        status: Number(status),
        ...(contentType === undefined ? {} : { contentType }),
        headers: decodeUserHeaders(headers),
        body: asBuffer(record.value ?? EMPTY),
      };
    }
    default:
      return undefined;
  }
}

function parseMembers(value: Buffer | null): readonly ExpectedMember[] | undefined {
  try {
    return goneMembers.safeParse(JSON.parse(value?.toString("utf8") ?? "")).data;
  } catch {
    return undefined;
  }
}

function isName(text: string): boolean {
  return text !== "" && text.length <= MAX_NAME;
}

function whole(headers: IncomingRecord["headers"], header: string): number | undefined {
  const text = headerText(headers, header) ?? "";
  return WHOLE.test(text) ? Number(text) : undefined;
}
