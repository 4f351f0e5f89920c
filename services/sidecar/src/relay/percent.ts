const UNRESERVED = /^[A-Za-z0-9\-._~]$/; // RFC 3986

/** Any bytes as a header or a segment of a path carries them: all but RFC 3986's unreserved characters as %XX. */
export function percentEncoded(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    return UNRESERVED.test(character) ? character : hex(byte);
  }).join("");
}

/** An attribute of a CloudEvent in a header (its HTTP binding, 3.1.3.2): printable ASCII but space, quote and percent as it is. */
export function attributeEncoded(text: string): string {
  return text.replaceAll(/[^\u0021\u0023\u0024\u0026-\u007e]/gu, (character) =>
    Array.from(Buffer.from(character), hex).join(""),
  );
}

function hex(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}
