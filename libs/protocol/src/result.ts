import { createHash } from "node:crypto";
import { type ErrorCode, isErrorCode } from "./error-table.ts";
import { asBuffer, headerText, type IncomingRecord, type WireRecord } from "./record.ts";
import type { RequestEnvelope } from "./request.ts";
import { decodeUserHeaders, encodeUserHeaders, type UserHeaders } from "./user-headers.ts";
import { readVersion, VERSION_HEADER, VERSION_VALUE } from "./version.ts";

/** How a request ended (C3): exactly one of these. */
export type RequestEnd = "replied" | "failed" | "dead-lettered" | "expired" | "cancelled";

interface Told {
  /** The request's id. */
  readonly id: string;
  /** Of the owner that says so. */
  readonly fencingToken: number;
  /** The request's `attempt`: what a later delivery says replaces what an earlier one said. */
  readonly delivery: number;
  /** Epoch milliseconds. */
  readonly atMs: number;
}

/** What the owner of a lane says of a request that is recorded, as it travels on `S.results`. */
export type ResultEnvelope =
  /** An attempt of the handler has started. */
  | (Told & { readonly kind: "running"; readonly attempt: number })
  /** An attempt has failed, and there will be another. */
  | (Told & { readonly kind: "retrying"; readonly attempt: number; readonly reason: string })
  | ResultEnd;

/** The answer, as whoever waits gets it: a worker's, or a problem document. */
export interface ResultEnd extends Told {
  readonly kind: "ended";
  readonly end: RequestEnd;
  /** Of the request that ran: the same id with another one is another request with the same idempotency key (C5). */
  readonly fingerprint: string;
  /** Attempts of the handler in this delivery. */
  readonly attempts: number;
  readonly status: number;
  /** Set unless it is replied; the body is then a problem document. */
  readonly error?: ErrorCode;
  readonly contentType?: string;
  readonly headers: UserHeaders;
  readonly body: Buffer;
}

const ENDS: ReadonlySet<string> = new Set<RequestEnd>([
  "replied",
  "failed",
  "dead-lettered",
  "expired",
  "cancelled",
]);
const STATUS = /^[2-5][0-9]{2}$/;
const WHOLE = /^[0-9]{1,15}$/;
const EMPTY = Buffer.alloc(0);
const MAX_REASON = 1_024;

/** What makes two requests of one id the same: handler, content type and body (the Idempotency-Key draft, section 2.4). */
export function fingerprintOf({
  handler,
  contentType = "",
  body,
}: Pick<RequestEnvelope, "handler" | "contentType" | "body">): string {
  const hash = createHash("sha256");
  return hash.update(`${handler}\n${contentType}\n`).update(body).digest("base64url");
}

/** The record of a result, keyed by the request's id. Round-trips through {@link decodeResult}. */
export function encodeResult(result: ResultEnvelope): WireRecord {
  const headers: Record<string, Uint8Array | string> = {
    [VERSION_HEADER]: VERSION_VALUE,
    "sc-result": result.kind === "ended" ? result.end : result.kind,
    "sc-token": String(result.fencingToken),
    "sc-at": String(result.atMs),
  };
  if (result.delivery !== 1) headers["sc-delivery"] = String(result.delivery);
  const key = Buffer.from(result.id);
  switch (result.kind) {
    case "running":
      headers["sc-attempts"] = String(result.attempt);
      return { key, value: EMPTY, headers };
    case "retrying":
      headers["sc-attempts"] = String(result.attempt);
      headers["sc-reason"] = result.reason.slice(0, MAX_REASON);
      return { key, value: EMPTY, headers };
    case "ended":
      headers["sc-attempts"] = String(result.attempts);
      headers["sc-fingerprint"] = result.fingerprint;
      headers["sc-status"] = String(result.status);
      if (result.error !== undefined) headers["sc-error"] = result.error;
      if (result.contentType !== undefined) headers["content-type"] = result.contentType;
      encodeUserHeaders(result.headers, headers);
      return { key, value: result.body, headers };
  }
}

/** The result in a record, undefined when it is none; never throws, whatever the bytes. */
export function decodeResult(record: IncomingRecord): ResultEnvelope | undefined {
  const { headers } = record;
  if (record.key === null || readVersion(headers).kind !== "ours") return undefined;
  const told = headerText(headers, "sc-result") ?? "";
  const fencingToken = whole(headers, "sc-token");
  const atMs = whole(headers, "sc-at");
  const attempts = whole(headers, "sc-attempts");
  const delivery = headerText(headers, "sc-delivery") === undefined ? 1 : whole(headers, "sc-delivery");
  if (fencingToken === undefined || atMs === undefined) return undefined;
  if (attempts === undefined || delivery === undefined) return undefined;
  const common = { id: record.key.toString("utf8"), fencingToken, delivery, atMs };
  if (told === "running") return { ...common, kind: told, attempt: attempts };
  if (told === "retrying") {
    return { ...common, kind: told, attempt: attempts, reason: headerText(headers, "sc-reason") ?? "" };
  }
  const status = headerText(headers, "sc-status") ?? "";
  const fingerprint = headerText(headers, "sc-fingerprint");
  if (!ENDS.has(told) || !STATUS.test(status) || fingerprint === undefined) return undefined;
  const error = headerText(headers, "sc-error");
  const contentType = headerText(headers, "content-type");
  return {
    ...common,
    kind: "ended",
    end: told as RequestEnd,
    fingerprint,
    attempts,
    status: Number(status),
    ...(error === undefined ? {} : { error: isErrorCode(error) ? error : "SHARDCAST_UNSUPPORTED_VERSION" }),
    ...(contentType === undefined ? {} : { contentType }),
    headers: decodeUserHeaders(headers),
    body: asBuffer(record.value ?? EMPTY),
  };
}

function whole(headers: IncomingRecord["headers"], name: string): number | undefined {
  const text = headerText(headers, name) ?? "";
  return WHOLE.test(text) ? Number(text) : undefined;
}
