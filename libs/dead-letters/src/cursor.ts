import type { OffsetRange } from "@shardcast/log";
import { invalid } from "./selection.ts";

/** Where to go on: everything on lower lanes, and below the offset, was looked at. */
export interface Cursor {
  readonly lane: number;
  readonly offset: number;
}

const FORM = /^1:([0-9]{1,6}):([0-9]{1,16})$/;

export function encodeCursor({ lane, offset }: Cursor): string {
  return Buffer.from(`1:${lane}:${offset}`).toString("base64url");
}

/** Throws SHARDCAST_INVALID_REQUEST for what {@link encodeCursor} has not made, or not for this selection. */
export function decodeCursor(text: string, lanes: number, only: number | undefined): Cursor {
  const [, lane, offset] = FORM.exec(Buffer.from(text, "base64url").toString("latin1")) ?? [];
  const cursor = { lane: Number(lane), offset: Number(offset) };
  const isOurs = Number.isSafeInteger(cursor.offset) && cursor.lane < lanes && encodeCursor(cursor) === text;
  if (!isOurs || (only !== undefined && cursor.lane !== only)) {
    throw invalid("cursor: not one that was given out for this selection");
  }
  return cursor;
}

/** A part of a lane that is still to be looked at. */
export interface Stretch extends Cursor {
  /** Before this. */
  readonly to: number;
  /** Lowest offset of the lane. */
  readonly low: number;
}

/** What is to be looked at, in the order of lanes; lanes without records are left out. */
export function stretchesOf(
  ranges: readonly OffsetRange[],
  only: number | undefined,
  cursor: Cursor | undefined,
): Stretch[] {
  return ranges.flatMap(({ low, high }, lane) => {
    if (only !== undefined && lane !== only) return [];
    if (cursor !== undefined && lane < cursor.lane) return [];
    const offset = lane === cursor?.lane ? Math.max(low, cursor.offset) : low;
    return offset < high ? [{ lane, offset, to: high, low }] : [];
  });
}
