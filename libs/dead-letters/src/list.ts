import type { LogRecord } from "@shardcast/log";
import { type DeadLetter, decodeDeadLetter } from "@shardcast/protocol";
import { decodeCursor, encodeCursor, stretchesOf } from "./cursor.ts";
import type { Follower } from "./follower.ts";
import type { Scanner } from "./scanner.ts";
import { assertCount, assertSelection, fits, type Selection } from "./selection.ts";

export interface ListOptions extends Selection {
  /** Also letters that were sent again or discarded. Default false. */
  readonly includeSettled?: boolean;
  /** Most letters of a page, up to {@link MAX_PAGE}. Default {@link DEFAULT_PAGE}. */
  readonly limit?: number;
  /** Of the page before. */
  readonly cursor?: string;
}

export interface ListedLetter extends DeadLetter {
  readonly lane: number;
  /** On the lane's partition of `S.dead`. */
  readonly offset: number;
  /** Sent again or discarded. */
  readonly settled: boolean;
}

export interface DeadLetterPage {
  /** By lane and offset. */
  readonly letters: readonly ListedLetter[];
  /** Set when not everything was looked at: a page may have few letters, or none, and not be the last. */
  readonly cursor?: string;
}

const MAX_PAGE = 500;
export const DEFAULT_PAGE = 50;
/** Records looked at for one page. */
const MAX_SCANNED = 10_000;
/** Bytes of bodies in one page; the last one may go beyond. */
const MAX_BYTES = 8_000_000;

export interface ListParts {
  readonly lanes: number;
  readonly follower: Follower;
  readonly scanner: Scanner;
}

/** One page of letters: bounded work, and nothing is kept (C7). */
export async function listLetters(
  { lanes, follower, scanner }: ListParts,
  options: ListOptions,
): Promise<DeadLetterPage> {
  const { lane: only, limit = DEFAULT_PAGE, includeSettled = false } = options;
  assertSelection(options, lanes);
  assertCount("limit", limit, MAX_PAGE);
  const start = options.cursor === undefined ? undefined : decodeCursor(options.cursor, lanes, only);
  const letters: ListedLetter[] = [];
  let scanned = 0;
  let bytes = 0;

  const isFull = () => letters.length >= limit || scanned >= MAX_SCANNED || bytes >= MAX_BYTES;

  function take(record: LogRecord): boolean {
    if (isFull()) return false;
    scanned++;
    const letter = decodeDeadLetter(record);
    if (letter === undefined || !fits(letter, options)) return true;
    const { partition: lane, offset } = record;
    const settled = follower.lane(lane).has(offset);
    if (settled && !includeSettled) return true;
    letters.push({ ...letter, lane, offset, settled });
    bytes += letter.body.byteLength;
    return true;
  }

  for (const { lane, offset, to } of stretchesOf(await follower.ranges(), only, start)) {
    const next = isFull() ? offset : await scanner.scan(lane, offset, to, take);
    if (next < to) return { letters, cursor: encodeCursor({ lane, offset: next }) };
  }
  return { letters };
}
