import type { BroadcastDraft, BroadcastQuery, RedriveOptions } from "@shardcast/broadcasts";
import {
  type AckMode,
  assertHandlerName,
  assertUserHeaders,
  MAX_EXPECTED,
  ShardcastError,
} from "@shardcast/protocol";
import { encodeBody } from "../body.ts";
import { assertIdempotencyKey } from "../compose.ts";
import { ttlOf } from "../durations.ts";
import type { Body } from "../options.ts";
import type { BroadcastOptions } from "./api.ts";

const MODES: ReadonlySet<unknown> = new Set(["all", "quorum", "none"]);
const STATES: ReadonlySet<unknown> = new Set(["open", "ended"]);
const MAX_LIMIT = 500;

/** What is to be published. Throws SHARDCAST_INVALID_REQUEST that names the option. */
export function draftOf(body: Body, options: BroadcastOptions): BroadcastDraft {
  const { handler = "", headers = {}, traceparent, idempotencyKey } = options;
  assertHandlerName(handler);
  assertUserHeaders(headers);
  if (idempotencyKey !== undefined) assertIdempotencyKey(idempotencyKey);
  const { bytes, contentType } = encodeBody(body);
  const type = options.contentType ?? contentType;
  return {
    ...termsOf(options),
    handler,
    headers,
    body: bytes,
    ...(type === undefined ? {} : { contentType: type }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
}

/** What may be said anew when it is sent again. Throws as {@link draftOf}. */
export function termsOf(options: Pick<BroadcastOptions, "ack" | "ttlMs">): RedriveOptions {
  const { ack } = options;
  const ttlMs = ttlOf(options);
  return {
    ...(ack === undefined ? {} : { ack: ackOf(ack) }),
    ...(ttlMs === undefined ? {} : { ttlMs }),
  };
}

/** Throws as {@link draftOf}. */
export function assertQuery({ state, handler, limit, after }: BroadcastQuery): void {
  if (state !== undefined && !STATES.has(state)) throw invalid(`state: open or ended, got ${String(state)}`);
  if (handler !== undefined) assertHandlerName(handler);
  if (limit !== undefined && !isWhole(limit, MAX_LIMIT)) {
    throw invalid(`limit: 1 to ${MAX_LIMIT}, got ${String(limit)}`);
  }
  if (after !== undefined && typeof after !== "string") throw invalid("after: `next` of the page before");
}

/** Throws as {@link draftOf}. */
export function assertAfter(after: number | undefined): void {
  if (after === undefined || (Number.isSafeInteger(after) && after >= 0)) return;
  throw invalid(`after: a whole number from 0 on, got ${String(after)}`);
}

function ackOf(ack: NonNullable<BroadcastOptions["ack"]>): AckMode {
  if (typeof ack !== "number") {
    if (MODES.has(ack)) return { kind: ack };
  } else if (isWhole(ack, MAX_EXPECTED)) {
    return { kind: "count", count: ack };
  }
  throw invalid(`ack: all, quorum, none, or 1 to ${MAX_EXPECTED}, got ${String(ack)}`);
}

function isWhole(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= max;
}

function invalid(detail: string): ShardcastError {
  return new ShardcastError("SHARDCAST_INVALID_REQUEST", detail);
}
