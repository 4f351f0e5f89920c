import { type LaneProgress, MAX_METADATA_BYTES } from "@shardcast/log";

/** First character of the metadata: how the rest is to be read. */
const BITMAP = "b";

/** Offsets above the low-water mark that one commit can name. */
export const WINDOW = Math.floor(((MAX_METADATA_BYTES - BITMAP.length) * 3) / 4) * 8;

/**
 * Writes which offsets above the low-water mark are done, as a bitmap in base64url: bit i stands for `low + 1 + i` (the
 * mark itself is never done). Empty when there are none.
 *
 * @throws {RangeError} for an offset at or below `low`, or more than {@link WINDOW} above it
 */
export function encodeDoneAbove(low: number, done: Iterable<number>): string {
  let highest = -1;
  const bits: number[] = [];
  for (const offset of done) {
    const bit = offset - low - 1;
    if (bit < 0 || bit >= WINDOW)
      throw new RangeError(`offset ${offset} is not within ${WINDOW} above ${low}`);
    bits.push(bit);
    if (bit > highest) highest = bit;
  }
  if (highest < 0) return "";
  const bytes = Buffer.alloc((highest >> 3) + 1);
  for (const bit of bits) bytes[bit >> 3] = (bytes[bit >> 3] as number) | (1 << (bit & 7));
  return BITMAP + bytes.toString("base64url");
}

/**
 * The offsets that {@link encodeDoneAbove} named, ascending. What that did not write names none: work is repeated, not
 * lost.
 */
export function decodeDoneAbove(low: number, metadata: string): number[] {
  if (!metadata.startsWith(BITMAP) || metadata.length > MAX_METADATA_BYTES) return [];
  const bytes = Buffer.from(metadata.slice(BITMAP.length), "base64url");
  const done: number[] = [];
  for (const [i, byte] of bytes.entries()) {
    for (let bit = 0; bit < 8; bit++) {
      if (byte & (1 << bit)) done.push(low + 1 + i * 8 + bit);
    }
  }
  // Buffer reads past what is no base64: only what it would write again was written here.
  return encodeDoneAbove(low, done) === metadata ? done : [];
}

/** What two statements about one lane say together. */
export function farther(one: LaneProgress, other: LaneProgress): LaneProgress {
  if (one.offset !== other.offset) return one.offset > other.offset ? one : other;
  const { lane, offset } = one;
  const done = new Set([one, other].flatMap(({ metadata }) => decodeDoneAbove(offset, metadata)));
  return { lane, offset, metadata: encodeDoneAbove(offset, done) };
}
