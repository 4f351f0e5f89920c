import type { AppendRecord, LogRecord } from "@shardcast/log";
import {
  encodeDeadLetter,
  isShardcastError,
  type ShardcastError,
  type WireRecord,
} from "@shardcast/protocol";
import type { Parcel } from "./delivery.ts";
import type { LaneScope } from "./request.ts";

interface Why {
  readonly error: ShardcastError;
  readonly attempts: number;
  readonly scope: LaneScope;
  /** Its key is parked with it. */
  readonly parks?: true;
}

/** Adds the dead letter of a record that was given up (C9). */
export async function addDeadLetter(
  parcel: Parcel,
  dead: string,
  record: LogRecord,
  { error: { code, message: reason }, attempts, scope: { member, logger }, parks }: Why,
): Promise<void> {
  const { topic, partition, offset } = record;
  logger.error({ code, reason, topic, partition, offset, attempts }, "dead-lettered");
  const origin = { topic, partition, offset };
  const parked = parks && ({ parked: true } as const);
  const why = { code, reason, attempts, member, atMs: Date.now(), origin, ...parked };
  const whole = encodeDeadLetter(record, why);
  // Without its key, nobody would know which one is parked.
  const bare = encodeDeadLetter({ key: parks ? record.key : null, value: null, headers: {} }, why);
  await addLargest(
    parcel,
    [whole, truncated({ ...whole, value: null }), truncated(bare)].map((letter) => ({
      ...letter,
      topic: dead,
      partition,
    })),
  );
}

/** Adds the first that the log takes: a dead letter is larger than its record, which may fill the limit already. */
async function addLargest(parcel: Parcel, [first, ...smaller]: readonly AppendRecord[]): Promise<void> {
  try {
    await parcel.add(first as AppendRecord, Number.POSITIVE_INFINITY);
  } catch (error) {
    const isTooLarge = isShardcastError(error) && error.code === "SHARDCAST_BODY_TOO_LARGE";
    if (smaller.length === 0 || !isTooLarge) throw error;
    await addLargest(parcel, smaller);
  }
}

/** The dead letter of a record that is not whole; its origin still has the rest. */
function truncated(letter: WireRecord): WireRecord {
  return { ...letter, headers: { ...letter.headers, "sc-dead-truncated": "true" } };
}
