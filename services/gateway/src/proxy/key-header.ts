/** What needs no encoding, as in a path of the gateway. */
const PLAIN = /^[A-Za-z0-9\-._~]*$/;
const NOT_PLAIN = /[^A-Za-z0-9\-._~]/g;

/** A key as callbacks and paths have it: its UTF-8, percent-encoded. */
export function keyHeader(key: string): string {
  if (PLAIN.test(key)) return key;
  return Buffer.from(key)
    .toString("latin1")
    .replace(NOT_PLAIN, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
}
