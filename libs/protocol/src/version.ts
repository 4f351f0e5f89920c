import type { IncomingRecord } from "./record.ts";

/**
 * One byte. Adding a header is not a new version: readers ignore headers they do not know. A new version is for
 * records that an older reader would misunderstand; such a reader must refuse them (they are dead-lettered), so
 * readers are upgraded before writers.
 */
export const PROTOCOL_VERSION = 1;

export const VERSION_HEADER = "sc-version";
export const VERSION_VALUE = Buffer.from([PROTOCOL_VERSION]);

export type VersionReading =
  | { readonly kind: "ours" }
  | { readonly kind: "absent" }
  | { readonly kind: "unsupported"; readonly reason: string }
  | { readonly kind: "invalid"; readonly reason: string };

export function readVersion(headers: IncomingRecord["headers"]): VersionReading {
  if (!Object.hasOwn(headers, VERSION_HEADER)) return { kind: "absent" };
  const raw = headers[VERSION_HEADER];
  const value = Array.isArray(raw) ? raw.at(-1) : raw;
  const bytes =
    typeof value === "string" ? Buffer.from(value, "latin1") : (value as Uint8Array | null | undefined);
  const version = bytes?.byteLength === 1 ? bytes[0] : undefined;
  if (version === undefined || version === 0) {
    return { kind: "invalid", reason: `${VERSION_HEADER} is not one non-zero byte` };
  }
  if (version > PROTOCOL_VERSION) {
    return {
      kind: "unsupported",
      reason: `protocol version ${version}; this reader knows up to ${PROTOCOL_VERSION}`,
    };
  }
  return { kind: "ours" };
}
