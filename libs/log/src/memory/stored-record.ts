import type { LogRecord } from "../reader.ts";

type HeaderValue = LogRecord["headers"][string];

/** What an append hands over. Header values are read as loosely as a driver reads them: dead letters keep strangers'. */
export interface RecordInput {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: LogRecord["headers"];
}

/** The bytes of a record that count against the largest allowed one. */
export function recordBytes(record: RecordInput): number {
  let bytes = (record.key?.byteLength ?? 0) + (record.value?.byteLength ?? 0);
  for (const [name, value] of Object.entries(record.headers)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      bytes += Buffer.byteLength(name) + (one === undefined || one === null ? 0 : Buffer.byteLength(one));
    }
  }
  return bytes;
}

/** A copy that shares no byte with the original, header values as Buffers: so the log can not be changed from outside. */
export function copyRecord(record: RecordInput): Pick<LogRecord, "key" | "value" | "headers"> {
  return {
    key: copyBytes(record.key),
    value: copyBytes(record.value),
    // fromEntries defines own properties, so that a header named `__proto__` stays a header
    headers: Object.fromEntries(
      Object.entries(record.headers).map(([name, value]) => [name, copyHeader(value)]),
    ),
  };
}

function copyHeader(value: HeaderValue): HeaderValue {
  if (Array.isArray(value)) return value.map((one) => (one === null ? null : Buffer.from(one)));
  return value === undefined || value === null ? undefined : Buffer.from(value as Uint8Array);
}

function copyBytes(bytes: Uint8Array | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes);
}
