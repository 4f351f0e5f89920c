import type { ErrorCode } from "./error-table.ts";
import type { IncomingRecord, RecordHeaders, WireRecord } from "./record.ts";

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
}

const EMPTY = Buffer.alloc(0);

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

const MAX_REASON = 1024;

/** The record for `S.dead`: key, value and headers as they were, and why beside them. */
export function encodeDeadLetter(record: IncomingRecord, why: DeadLetterReason): WireRecord {
  const headers: Record<string, RecordHeaders[string]> = {
    ...withoutNulls(record.headers),
    "sc-dead-code": why.code,
    "sc-dead-reason": why.reason.slice(0, MAX_REASON),
    "sc-dead-attempts": String(why.attempts),
    "sc-dead-origin": `${why.origin.topic}/${why.origin.partition}/${why.origin.offset}`,
    "sc-dead-member": why.member,
    "sc-dead-at": String(why.atMs),
  };
  return { key: record.key, value: record.value, headers };
}
