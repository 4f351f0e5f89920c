/**
 * Where a started partition is. The driver keeps it itself: kafkajs forgets seeks, though not pauses, whenever it
 * joins its group again, and would then read from an old offset (design.md, "Trap").
 */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  /** Offset of the next record to deliver. */
  next: number;
  paused: boolean;
}

/**
 * What to do with a fetched batch: `deliver` its records at or above the position; `reread` them later, they are not
 * wanted now; or look into a `gap`: it begins after the position, so records may be missing.
 */
export type Verdict = "deliver" | "reread" | "gap";

/** Judges a batch that was fetched from offset `fetchedFrom`. */
export function judge(position: Position, fetchedFrom: number): Verdict {
  if (position.paused) return "reread";
  return fetchedFrom > position.next ? "gap" : "deliver";
}
