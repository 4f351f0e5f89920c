const NOT_UNRESERVED = /[^A-Za-z0-9\-._~]/g;

/** Any bytes as a header, or a segment of a path, carries them: all but RFC 3986's unreserved characters as %XX. */
export function percentEncoded(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer
    .toString("latin1")
    .replace(NOT_UNRESERVED, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
}
