import { type DeadLetter, decodeDeadLetter, decodeParkedPlace, isParkedLetter } from "@shardcast/protocol";
import type { Stretch } from "./cursor.ts";
import type { Follower } from "./follower.ts";
import type { Scanner } from "./scanner.ts";

/** A letter of a parked key that is not settled. */
export interface ParkedLetter {
  readonly offset: number;
  /** Of the first letter of its request: in this order they are sent. */
  readonly place: number;
  readonly isWanted: boolean;
}

export interface ParkedLetters {
  /** In the order of the key (C1), which is not that of their offsets where one has failed again. */
  readonly letters: readonly ParkedLetter[];
  /** False where there are more. */
  readonly whole: boolean;
}

/** Letters of a key that are gone through at once; of those with more, the first (C7). */
const MAX_LETTERS = 20_000;
/** Records looked at in one scan: others want to read as well. */
const MAX_SCANNED = 2_000;

/** Every letter of a parked key that is not settled. Bodies are not kept: they are read again. */
export async function parkedLettersOf(
  { follower, scanner }: { readonly follower: Follower; readonly scanner: Scanner },
  key: Buffer,
  { lane, low, to }: Stretch,
  isWanted: (letter: DeadLetter) => boolean,
): Promise<ParkedLetters> {
  const settled = follower.lane(lane);
  const letters: ParkedLetter[] = [];
  let whole = true;
  for (let next = low; next < to; ) {
    let scanned = 0;
    next = await scanner.scan(lane, next, to, (record) => {
      if (scanned++ >= MAX_SCANNED) return false;
      const { offset, headers } = record;
      if (!isParkedLetter(record) || !record.key?.equals(key) || settled.has(offset)) return true;
      const letter = decodeDeadLetter(record);
      if (letter === undefined) return true;
      const place = decodeParkedPlace(headers)?.place ?? offset;
      letters.push({ offset, place, isWanted: isWanted(letter) });
      if (letters.length < 2 * MAX_LETTERS) return true;
      letters.sort(byPlace).length = MAX_LETTERS;
      whole = false;
      return true;
    });
  }
  return { letters: letters.sort(byPlace), whole };
}

function byPlace(a: ParkedLetter, b: ParkedLetter): number {
  return a.place - b.place || a.offset - b.offset;
}
