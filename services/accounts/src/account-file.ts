import { createHash } from "node:crypto";

/** Bytes that stand for themselves. No capitals: some file systems do not tell them from small letters. */
const PLAIN = /[a-z0-9-]/;
/** Names are at most 255 bytes on every common file system; this leaves room for what is put around. */
const MAX_ENCODED = 180;

/**
 * The file name of an account: another one for every other key, and never one that leads out of the folder, whatever
 * bytes the key has. Made from bytes, not from text: keys that are not UTF-8 would all be the same text.
 */
export function accountFileName(account: Uint8Array): string {
  let encoded = "";
  for (const byte of account) {
    const char = String.fromCharCode(byte);
    encoded += PLAIN.test(char) ? char : `_${byte.toString(16).padStart(2, "0")}`;
  }
  if (encoded.length <= MAX_ENCODED) return `account-${encoded}.json`;
  return `account-hash-_${createHash("sha256").update(account).digest("hex")}.json`;
}
