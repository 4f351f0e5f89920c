/** Header values as they lie on the log. Writers may give strings; they are UTF-8 there. */
export type RecordHeaders = Readonly<Record<string, HeaderValue | readonly HeaderValue[]>>;

type HeaderValue = Uint8Array | string;

/** The part of a log record that the protocol decides about. Where it lies is the log's business. */
export interface WireRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RecordHeaders;
}

/** A record as a reader meets it: header values may be anything a stranger wrote. */
export interface IncomingRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, IncomingHeader>>;
}

/** Kafka lets a writer repeat a header, and leave its value out. */
type IncomingHeader = HeaderValue | null | undefined | readonly (HeaderValue | null)[];

/** The text of a header; the last one where a writer repeated it (Kafka allows that), undefined where absent. */
export function headerText(headers: IncomingRecord["headers"], name: string): string | undefined {
  if (!Object.hasOwn(headers, name)) return undefined;
  const raw = headers[name];
  const value = Array.isArray(raw) ? raw.at(-1) : raw;
  if (value === undefined || value === null) return undefined;
  return typeof value === "string" ? value : asBuffer(value as Uint8Array).toString("utf8");
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
