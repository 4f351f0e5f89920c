import { decodeDoneAbove, encodeDoneAbove, WINDOW } from "./done-above.ts";

/**
 * How far a lane is done. Requests of different keys end in any order; what is committed is the low-water mark (all
 * below it is done) and, in the metadata, what is done above it, so that a crash repeats nothing recorded (C10).
 */
export class LaneProgress {
  /** Offsets admitted and not yet below the mark, in log order; those before `#head` are gone. */
  #admitted: number[] = [];
  #head = 0;
  /** Done offsets above the mark. */
  readonly #done: Set<number>;
  #low: number;
  #next: number;

  /** Goes on from a commit. */
  constructor(offset: number, metadata: string) {
    this.#low = offset;
    this.#next = offset;
    this.#done = new Set(decodeDoneAbove(offset, metadata));
  }

  /** Everything below is done. */
  get lowWaterMark(): number {
    return this.#low;
  }

  /** Whether the commit metadata could still name this offset, would it be done now. */
  hasRoomFor(offset: number): boolean {
    return offset - this.#low <= WINDOW;
  }

  /** Takes the next offset of the lane; false when it was done before a restart. */
  admit(offset: number): boolean {
    if (offset < this.#low) return false;
    this.#admitted.push(offset);
    this.#next = offset + 1;
    const fresh = !this.#done.has(offset);
    if (!fresh) this.#advance();
    return fresh;
  }

  complete(offset: number): void {
    this.#done.add(offset);
    this.#advance();
  }

  /** What to commit. */
  snapshot(): { readonly offset: number; readonly metadata: string } {
    return { offset: this.#low, metadata: encodeDoneAbove(this.#low, this.#done) };
  }

  #advance(): void {
    while (this.#head < this.#admitted.length) {
      const first = this.#admitted[this.#head] as number;
      if (!this.#done.delete(first)) break;
      this.#head++;
    }
    const oldest = this.#admitted[this.#head];
    if (oldest === undefined) {
      // Nothing is admitted: the mark is where the lane goes on, past what was done there before a restart.
      this.#low = this.#next;
      while (this.#done.delete(this.#low)) this.#low++;
      this.#next = this.#low;
    } else {
      this.#low = oldest;
    }
    if (this.#head > 1024 && this.#head * 2 > this.#admitted.length) {
      this.#admitted = this.#admitted.slice(this.#head);
      this.#head = 0;
    }
  }
}
