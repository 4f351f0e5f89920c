import { decodeDoneAbove, encodeDoneAbove, WINDOW } from "./done-above.ts";

const NONE: ReadonlySet<number> = new Set();

/**
 * How far a lane is done. Requests of different keys end in any order; what is committed is the low-water mark (all
 * below it is done) and, in the metadata, what is done above it, so that a crash repeats nothing recorded (C10).
 */
export class LaneProgress {
  /** Offsets admitted and not yet below the mark, in log order; those before `#head` are gone. */
  #admitted: number[] = [];
  #head = 0;
  /** Done offsets among the admitted. */
  readonly #done = new Set<number>();
  /** Done before a restart and not read again yet, ascending; those before `#restoredHead` are gone. */
  readonly #restored: readonly number[];
  #restoredHead = 0;
  #low: number;
  #next: number;

  /** Goes on from a commit. */
  constructor(offset: number, metadata: string) {
    this.#low = offset;
    this.#next = offset;
    this.#restored = decodeDoneAbove(offset, metadata);
  }

  /** Everything below is done. */
  get lowWaterMark(): number {
    return this.#low;
  }

  /** Nothing that was admitted is open. */
  get idle(): boolean {
    return this.#head === this.#admitted.length;
  }

  /** Whether the commit metadata could still name this offset, would it be done now. Always, when nothing is open. */
  hasRoomFor(offset: number): boolean {
    return this.idle || offset - this.#low <= WINDOW;
  }

  /** Takes the next offset of the lane; false when it was done before a restart. */
  admit(offset: number): boolean {
    if (offset < this.#low) return false;
    // What the log does not have any more (retention, compaction) is not read again: forget it, or it would stay for ever.
    while (this.#nextRestored() < offset) this.#restoredHead++;
    const fresh = this.#nextRestored() !== offset;
    if (!fresh) {
      this.#restoredHead++;
      this.#done.add(offset);
    }
    this.#admitted.push(offset);
    this.#next = offset + 1;
    this.#advance();
    return fresh;
  }

  /** Counts an admitted offset as done; again, it changes nothing. */
  complete(offset: number): void {
    if (offset < this.#low) return;
    this.#done.add(offset);
    this.#advance();
  }

  /** What to commit; these offsets are counted as done in it, and only in it. */
  snapshot(also: ReadonlySet<number> = NONE): { readonly offset: number; readonly metadata: string } {
    const low = also.size === 0 ? this.#low : this.#lowWith(also);
    const done = [...this.#done, ...also, ...this.#restored.slice(this.#restoredHead)];
    // The mark may have moved over some of them.
    const above = also.size === 0 ? done : [...new Set(done)].filter((offset) => offset > low);
    return { offset: low, metadata: encodeDoneAbove(low, above) };
  }

  #lowWith(also: ReadonlySet<number>): number {
    for (let i = this.#head; i < this.#admitted.length; i++) {
      const offset = this.#admitted[i] as number;
      if (!this.#done.has(offset) && !also.has(offset)) return offset;
    }
    return this.#endOfRestored();
  }

  /** The mark when nothing is open: where the lane goes on, past what was done there before a restart. */
  #endOfRestored(): number {
    let end = this.#next;
    for (let i = this.#restoredHead; this.#restored[i] === end; i++) end++;
    return end;
  }

  #nextRestored(): number {
    return this.#restored[this.#restoredHead] ?? Number.POSITIVE_INFINITY;
  }

  #advance(): void {
    while (this.#head < this.#admitted.length) {
      const first = this.#admitted[this.#head] as number;
      if (!this.#done.delete(first)) break;
      this.#head++;
    }
    const oldest = this.#admitted[this.#head];
    if (oldest === undefined) {
      // Nothing is open: the mark is where the lane goes on, past what was done there before a restart.
      while (this.#nextRestored() === this.#next) {
        this.#restoredHead++;
        this.#next++;
      }
      this.#low = this.#next;
    } else {
      this.#low = oldest;
    }
    if (this.#head > 1024 && this.#head * 2 > this.#admitted.length) {
      this.#admitted = this.#admitted.slice(this.#head);
      this.#head = 0;
    }
  }
}
