import {
  type AckMode,
  assertHandlerName,
  assertUserHeaders,
  type BroadcastEnvelope,
  ShardcastError,
} from "@shardcast/protocol";
import type { BroadcastDraft } from "./broadcasts.ts";
import { invalid } from "./errors.ts";
import type { Expectation } from "./expected.ts";

/** A draft that nothing is wrong with by itself. */
export interface CheckedDraft extends BroadcastDraft {
  readonly ack: AckMode;
  readonly ttlMs: number;
}

const DEFAULT_TTL_MS = 3_600_000;
const MAX_IDEMPOTENCY_KEY = 255;
/** More digits no acknowledgement count has on the log. */
const MAX_COUNT = 99_999;

/** Throws SHARDCAST_INVALID_REQUEST, naming what is wrong. */
export function checkDraft(draft: BroadcastDraft, retentionMs: number): CheckedDraft {
  const { handler, headers = {}, idempotencyKey, ack = { kind: "all" } } = draft;
  const { ttlMs = Math.min(DEFAULT_TTL_MS, retentionMs) } = draft;
  assertHandlerName(handler);
  assertUserHeaders(headers);
  if (!Number.isSafeInteger(ttlMs) || ttlMs < 1 || ttlMs > retentionMs) {
    throw invalid(`ttlMs: 1 to ${retentionMs}, got ${ttlMs}`);
  }
  if (ack.kind === "count" && !(Number.isInteger(ack.count) && ack.count >= 1 && ack.count <= MAX_COUNT)) {
    throw invalid(`ack: a whole number from 1 on, got ${ack.count}`);
  }
  const { length } = idempotencyKey ?? "-";
  if (length < 1 || length > MAX_IDEMPOTENCY_KEY) {
    throw invalid(`idempotencyKey: 1 to ${MAX_IDEMPOTENCY_KEY} characters, got ${length}`);
  }
  return { ...draft, ack, ttlMs };
}

/** What of a broadcast is not in its draft. */
interface Circumstances extends Expectation {
  readonly id: string;
  readonly service: string;
  readonly targeted: boolean;
  readonly redriveOf?: string;
}

/**
 * The broadcast of a draft, accepted now.
 *
 * @throws {ShardcastError} SHARDCAST_NO_MEMBERS; SHARDCAST_INVALID_REQUEST for more acknowledgements than members
 */
export function compose(draft: CheckedDraft, circumstances: Circumstances): BroadcastEnvelope {
  const { handler, body, ack, ttlMs, contentType, traceparent, headers = {} } = draft;
  const { expected } = circumstances;
  if (expected.length === 0 && ack.kind !== "none") {
    throw new ShardcastError(
      "SHARDCAST_NO_MEMBERS",
      "there is nobody whose acknowledgement could be awaited",
    );
  }
  if (ack.kind === "count" && ack.count > expected.length) {
    throw invalid(`ack: ${ack.count} acknowledgements are more than the ${expected.length} members`);
  }
  const acceptedMs = Date.now();
  return {
    ...circumstances,
    ...{ handler, body, ack, headers, acceptedMs, expiresMs: acceptedMs + ttlMs },
    ...(contentType === undefined ? {} : { contentType }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}
