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

/** What to do with a fetched batch. */
export type Verdict =
  /** Deliver the records at or above the position. */
  | { readonly kind: "deliver" }
  /** Not wanted now; read it again from the position when it is. */
  | { readonly kind: "reread" }
  /** Begins after the position: records may be missing. Find out whether they still exist. */
  | { readonly kind: "gap"; readonly fetchedFrom: number };

/** Judges a batch that was fetched from offset `fetchedFrom`. */
export function judge(position: Position | undefined, fetchedFrom: number): Verdict {
  if (position === undefined || position.paused) return { kind: "reread" };
  if (fetchedFrom > position.next) return { kind: "gap", fetchedFrom };
  return { kind: "deliver" };
}
