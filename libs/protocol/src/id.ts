import { createHash, randomFillSync } from "node:crypto";
import { parse, stringify, v7, validate, version } from "uuid";

const RANDOM_BYTES = 16;
/** Random bytes are fetched for many ids at once: one call to the system for each would cost more than the id. */
const pool = new Uint8Array(256 * RANDOM_BYTES);
let used = pool.byteLength;

/** The last two bytes of an id say which lane it is on, so that whoever has only the id knows where to look. */
const LANE_AT = 14;
/** Lanes that an id can name. */
export const MAX_LANES = 65_536;

/** A new id: UUID version 7 (RFC 9562), ordered by its millisecond, with 74 random bits, so not to be guessed. */
export function newId(): string {
  return v7({ random: randomBytes() });
}

/** A new request id: as {@link newId}, with the lane in the last 16 of the random bits. */
export function newRequestId(lane: number): string {
  const random = randomBytes();
  writeLane(random, lane);
  return v7({ random });
}

/**
 * The request id of an idempotency key: UUID version 8 (RFC 9562), the same for everybody who asks with this key, so that
 * the lane's owner recognises the request by its id (C5). Two shard keys never share one.
 */
export function idempotentRequestId(
  service: string,
  shardKey: Uint8Array,
  idempotencyKey: string,
  lane: number,
): string {
  const hash = createHash("sha256");
  for (const part of [Buffer.from(service), shardKey, Buffer.from(idempotencyKey)]) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.byteLength);
    hash.update(length).update(part);
  }
  const bytes = hash.digest().subarray(0, RANDOM_BYTES);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80; // version 8
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80; // variant 10
  writeLane(bytes, lane);
  return stringify(bytes);
}

/** Whether it is an id that our writers make. */
export function isRequestId(value: string): boolean {
  return validate(value) && (version(value) === 7 || version(value) === 8);
}

/** The lane that a request id names; undefined when it is none of ours, or names a lane that the service does not have. */
export function laneOfRequestId(id: string, lanes: number): number | undefined {
  if (!isRequestId(id)) return undefined;
  const bytes = parse(id);
  const lane = ((bytes[LANE_AT] as number) << 8) | (bytes[LANE_AT + 1] as number);
  return lane < lanes ? lane : undefined;
}

/** Epoch milliseconds at which a request id was made; undefined when it does not say so (version 8). */
export function timeOfRequestId(id: string): number | undefined {
  if (!isRequestId(id) || version(id) !== 7) return undefined;
  return Buffer.from(parse(id)).readUIntBE(0, 6);
}

function randomBytes(): Uint8Array {
  if (used === pool.byteLength) {
    randomFillSync(pool);
    used = 0;
  }
  used += RANDOM_BYTES;
  return pool.subarray(used - RANDOM_BYTES, used);
}

function writeLane(bytes: Uint8Array, lane: number): void {
  bytes[LANE_AT] = (lane >> 8) & 0xff;
  bytes[LANE_AT + 1] = lane & 0xff;
}
