import {
  asBuffer,
  assertHandlerName,
  assertKeyLength,
  assertUserHeaders,
  idempotentRequestId,
  isCallbackUrl,
  newRequestId,
  type Recording,
  type ReplyAddress,
  type RequestEnvelope,
  ShardcastError,
} from "@shardcast/protocol";
import { keyBytes, type ShardKey } from "@shardcast/routing";
import { encodeBody } from "./body.ts";
import type { Body, SendOptions } from "./options.ts";
import type { Lane } from "./pending.ts";
import { laneFor, type Route } from "./routes.ts";

/** What of a request does not come from {@link SendOptions}. */
export interface Terms {
  readonly deadlineMs?: number | undefined;
  readonly replyTo?: ReplyAddress | undefined;
  readonly recording?: Recording | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly callbackUrl?: string | undefined;
  readonly maxDelayMs: number;
}

/** A request ready to be published, and its lane. */
export interface Composed {
  readonly request: RequestEnvelope;
  readonly lane: Lane;
}

const MAX_IDEMPOTENCY_KEY = 255;

/** The envelope of a request. Throws SHARDCAST_INVALID_KEY, SHARDCAST_INVALID_REQUEST. */
export function compose(
  route: Route,
  key: ShardKey,
  body: Body,
  { handler = "", contentType, headers = {}, traceparent, notBeforeMs }: SendOptions,
  { deadlineMs, replyTo, recording, idempotencyKey, callbackUrl, maxDelayMs }: Terms,
): Composed {
  const bytes = validKey(key);
  assertHandlerName(handler);
  assertUserHeaders(headers);
  const { service } = route;
  const lane = laneFor(route, bytes);
  const encoded = encodeBody(body);
  const type = contentType ?? encoded.contentType;
  if (idempotencyKey !== undefined) assertIdempotencyKey(idempotencyKey);
  if (callbackUrl !== undefined && !isCallbackUrl(callbackUrl)) {
    throw invalid("callbackUrl: an http or https URL of at most 2,048 characters");
  }
  const request: Mutable<RequestEnvelope> = {
    id:
      idempotencyKey === undefined
        ? newRequestId(lane)
        : idempotentRequestId(service, bytes, idempotencyKey, lane),
    service,
    key: asBuffer(bytes),
    handler,
    attempt: 1,
    headers,
    body: encoded.bytes,
  };
  if (type !== undefined) request.contentType = type;
  if (traceparent !== undefined) request.traceparent = traceparent;
  if (deadlineMs !== undefined) request.deadlineMs = deadlineMs;
  if (replyTo !== undefined) request.replyTo = replyTo;
  if (recording !== undefined) request.recording = recording;
  if (callbackUrl !== undefined) request.callbackUrl = callbackUrl;
  if (notBeforeMs !== undefined) {
    assertNotBefore(notBeforeMs, deadlineMs, maxDelayMs);
    request.notBeforeMs = notBeforeMs;
  }
  return { request, lane: route.lanes[lane] as Lane };
}

/** The bytes of a key. Throws SHARDCAST_INVALID_KEY. */
export function validKey(key: ShardKey): Uint8Array {
  const bytes = keyBytes(key);
  if (bytes.byteLength === 0) throw new ShardcastError("SHARDCAST_INVALID_KEY", "key: must not be empty");
  assertKeyLength(bytes);
  return bytes;
}

/** Throws SHARDCAST_INVALID_REQUEST. */
export function assertIdempotencyKey(idempotencyKey: string): void {
  if (idempotencyKey.length >= 1 && idempotencyKey.length <= MAX_IDEMPOTENCY_KEY) return;
  throw invalid(`idempotencyKey: 1 to ${MAX_IDEMPOTENCY_KEY} characters, got ${idempotencyKey.length}`);
}

function assertNotBefore(notBeforeMs: number, deadlineMs: number | undefined, maxDelayMs: number): void {
  if (!Number.isSafeInteger(notBeforeMs) || notBeforeMs < 0) {
    throw invalid(`notBeforeMs: epoch milliseconds, got ${notBeforeMs}`);
  }
  if (notBeforeMs > Date.now() + maxDelayMs) {
    throw invalid(`notBeforeMs: at most ${maxDelayMs} ms from now`);
  }
  // C8: it could never start.
  if (deadlineMs !== undefined && notBeforeMs >= deadlineMs) {
    throw invalid("notBeforeMs: must be before the deadline");
  }
}

function invalid(detail: string): ShardcastError {
  return new ShardcastError("SHARDCAST_INVALID_REQUEST", detail);
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
