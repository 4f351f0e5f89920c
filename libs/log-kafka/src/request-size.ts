import type { AppendRecord } from "@shardcast/log";
import { ShardcastError } from "@shardcast/protocol";

/** Bytes of one request to a broker, over all partitions. */
const MAX_REQUEST_BYTES = 16_000_000;
/** Kafka's own cost of a record, batch and request, roughly and from above. */
const OVERHEAD_BYTES = 128;
/** Its two lengths, as varints. */
const HEADER_OVERHEAD_BYTES = 10;

/** Bytes of a record that count against the limits. */
export function sizeOf({ key, value, headers }: AppendRecord): number {
  let bytes = OVERHEAD_BYTES + (key?.byteLength ?? 0) + (value?.byteLength ?? 0);
  for (const name in headers) {
    const header = headers[name] ?? "";
    const perValue = HEADER_OVERHEAD_BYTES + Buffer.byteLength(name);
    if (typeof header === "string" || header instanceof Uint8Array)
      bytes += perValue + Buffer.byteLength(header);
    else for (const one of header) bytes += perValue + Buffer.byteLength(one);
  }
  return bytes;
}

/** The record's size. Throws SHARDCAST_BODY_TOO_LARGE. */
export function sizeWithin(maxRecordBytes: number, record: AppendRecord): number {
  const bytes = sizeOf(record);
  if (bytes <= maxRecordBytes) return bytes;
  throw new ShardcastError(
    "SHARDCAST_BODY_TOO_LARGE",
    `a record of ${bytes} bytes is over the limit of ${maxRecordBytes}`,
  );
}

export function addressOf({ topic, partition }: Pick<AppendRecord, "topic" | "partition">): string {
  return `${topic}/${partition}`;
}

/**
 * How many of the first records go in one request: the broker bounds each partition's batch, and the request. At least
 * one; stopping at the first that does not fit keeps each partition's order.
 */
export function countFitting(
  entries: readonly { readonly record: AppendRecord; readonly bytes: number }[],
  maxBatchBytes: number,
): number {
  const perPartition = new Map<string, number>();
  let total = 0;
  for (const [count, { record, bytes }] of entries.entries()) {
    const address = addressOf(record);
    const before = perPartition.get(address);
    const sum = (before ?? 0) + bytes;
    const isTooMuch = before !== undefined && sum > maxBatchBytes;
    if (isTooMuch || (count > 0 && total + bytes > MAX_REQUEST_BYTES)) return count;
    perPartition.set(address, sum);
    total += bytes;
  }
  return entries.length;
}
