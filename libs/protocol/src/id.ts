import { randomFillSync } from "node:crypto";
import { v7, validate, version } from "uuid";

const RANDOM_BYTES = 16;
/** Random bytes are fetched for many ids at once: one call to the system for each would cost more than the id. */
const pool = new Uint8Array(256 * RANDOM_BYTES);
let used = pool.byteLength;

/** A new request id: UUID version 7 (RFC 9562), ordered by its millisecond, with 74 random bits, so not to be guessed. */
export function newRequestId(): string {
  if (used === pool.byteLength) {
    randomFillSync(pool);
    used = 0;
  }
  used += RANDOM_BYTES;
  return v7({ random: pool.subarray(used - RANDOM_BYTES, used) });
}

export function isRequestId(value: string): boolean {
  return validate(value) && version(value) === 7;
}
