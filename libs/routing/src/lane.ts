import { murmur2 } from "./murmur2.ts";

/** What requests are grouped by: a UTF-8 string or raw bytes. */
export type ShardKey = string | Uint8Array;

/** How a key finds its lane. Every producer of a service must use the same one. */
export type LaneStrategy = "murmur2" | "modulo";

const utf8 = new TextEncoder();

/** The bytes that travel as the record's key. */
export function keyBytes(key: ShardKey): Uint8Array {
  return typeof key === "string" ? utf8.encode(key) : key;
}

/**
 * The lane of a key by Kafka's Java partitioner, `(murmur2(key) & 0x7fffffff) % lanes`, so that any
 * Kafka client that sends a keyed record lands on the same lane.
 *
 * @param lanes number of lanes (partitions), a positive integer
 * @throws {RangeError} when `lanes` is not a positive integer
 */
export function murmur2Lane(key: ShardKey, lanes: number): number {
  assertLanes(lanes);
  return (murmur2(keyBytes(key)) & 0x7fffffff) % lanes;
}

/**
 * The lane of a numeric key by `key mod lanes` ("account-nr mod R"): the explicit alternative for people who
 * must be able to compute the replica in their head. Foreign Kafka producers have to set the partition.
 *
 * @param key decimal digits, of any length
 * @throws {RangeError} when the key is not a non-negative decimal integer, or `lanes` not a positive one
 */
export function moduloLane(key: ShardKey, lanes: number): number {
  assertLanes(lanes);
  const digits = typeof key === "string" ? key : new TextDecoder("latin1").decode(key);
  if (!/^[0-9]{1,256}$/.test(digits)) {
    throw new RangeError("the modulo strategy needs a key of 1 to 256 decimal digits");
  }
  return Number(BigInt(digits) % BigInt(lanes));
}

/** The lane of a key by the named strategy. Throws as {@link murmur2Lane} and {@link moduloLane} do. */
export function laneOf(key: ShardKey, lanes: number, strategy: LaneStrategy = "murmur2"): number {
  switch (strategy) {
    case "murmur2":
      return murmur2Lane(key, lanes);
    case "modulo":
      return moduloLane(key, lanes);
  }
}

function assertLanes(lanes: number): void {
  if (!Number.isSafeInteger(lanes) || lanes < 1) {
    throw new RangeError(`lanes must be a positive integer, got ${lanes}`);
  }
}
