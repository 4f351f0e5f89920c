import { type ErrorCode, isErrorCode } from "./error-table.ts";
import { asBuffer, headerText, type IncomingRecord, type WireRecord } from "./record.ts";
import { decodeUserHeaders, encodeUserHeaders, type UserHeaders } from "./user-headers.ts";
import { readVersion, VERSION_HEADER, VERSION_VALUE } from "./version.ts";

/** What came of a request, as it travels on `S.replies`. */
export interface ReplyEnvelope {
  /** The request's id. */
  readonly id: string;
  /** Of the reply's address; absent where the id is enough. */
  readonly correlation?: string;
  /** The instance that waits; others on the partition drop the record by it. */
  readonly instance: string;
  /** HTTP status, as the handler set it. */
  readonly status: number;
  /** Of the owner that replies, on the request's lane; absent where there is none. */
  readonly fencingToken?: number;
  /** Set when the request failed; the body is then a problem document. */
  readonly error?: ErrorCode;
  readonly contentType?: string;
  readonly headers: UserHeaders;
  readonly body: Buffer;
}

/** 200 to 599. */
const STATUS = /^[2-5][0-9]{2}$/;
/** An offset. */
const TOKEN = /^[0-9]{1,15}$/;
const EMPTY = Buffer.alloc(0);

/** The record of a reply, keyed by what it is found by. Round-trips through {@link decodeReply}. */
export function encodeReply(reply: ReplyEnvelope): WireRecord {
  const headers: Record<string, Uint8Array | string> = {
    [VERSION_HEADER]: VERSION_VALUE,
    "sc-to": reply.instance,
    "sc-status": String(reply.status),
  };
  if (reply.correlation !== undefined) headers["sc-id"] = reply.id;
  if (reply.fencingToken !== undefined) headers["sc-token"] = String(reply.fencingToken);
  if (reply.error !== undefined) headers["sc-error"] = reply.error;
  if (reply.contentType !== undefined) headers["content-type"] = reply.contentType;
  encodeUserHeaders(reply.headers, headers);
  return { key: Buffer.from(reply.correlation ?? reply.id), value: reply.body, headers };
}

/** The instance a reply is for: cheap to read, so that others' replies are dropped before they are decoded. */
export function replyInstance(record: IncomingRecord): string | undefined {
  return headerText(record.headers, "sc-to");
}

/** The reply in a record, undefined when it is none; never throws, whatever the bytes. */
export function decodeReply(record: IncomingRecord): ReplyEnvelope | undefined {
  const { headers } = record;
  if (record.key === null || readVersion(headers).kind !== "ours") return undefined;
  const instance = headerText(headers, "sc-to");
  const statusText = headerText(headers, "sc-status") ?? "";
  if (instance === undefined || !STATUS.test(statusText)) return undefined;
  const token = headerText(headers, "sc-token");
  if (token !== undefined && !TOKEN.test(token)) return undefined;
  const error = headerText(headers, "sc-error");
  const contentType = headerText(headers, "content-type");
  const key = record.key.toString("utf8");
  const id = headerText(headers, "sc-id");
  return {
    ...(id === undefined ? { id: key } : { id, correlation: key }),
    instance,
    status: Number(statusText),
    ...(token === undefined ? {} : { fencingToken: Number(token) }),
    ...(error === undefined ? {} : { error: isErrorCode(error) ? error : "SHARDCAST_UNSUPPORTED_VERSION" }),
    ...(contentType === undefined ? {} : { contentType }),
    headers: decodeUserHeaders(headers),
    body: asBuffer(record.value ?? EMPTY),
  };
}
