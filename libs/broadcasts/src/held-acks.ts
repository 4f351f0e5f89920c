import type { Word } from "./words.ts";

/** What was said of a broadcast, and whether its speaker had been replaced by then. */
export interface HeldWord {
  readonly word: Word;
  readonly replaced: boolean;
}

const MAX_WORDS = 10_000;
const MAX_BYTES = 16_000_000;

/** Words of broadcasts that were not read yet, in their order. */
export class HeldAcks {
  readonly #held = new Map<string, HeldWord[]>();
  #words = 0;
  #bytes = 0;

  get size(): number {
    return this.#words;
  }

  /** No more should be read for now (C7). */
  get full(): boolean {
    return this.#words >= MAX_WORDS || this.#bytes >= MAX_BYTES;
  }

  ids(): string[] {
    return [...this.#held.keys()];
  }

  add(held: HeldWord): void {
    const { id } = held.word;
    const words = this.#held.get(id);
    if (words === undefined) this.#held.set(id, [held]);
    else words.push(held);
    this.#words++;
    this.#bytes += bytesOf(held);
  }

  /** What is held of a broadcast, in order; it is not held any more. */
  release(id: string): readonly HeldWord[] {
    const words = this.#held.get(id) ?? [];
    this.#held.delete(id);
    this.#words -= words.length;
    for (const held of words) this.#bytes -= bytesOf(held);
    return words;
  }
}

function bytesOf({ word }: HeldWord): number {
  return word.kind === "acked" ? word.body.byteLength : 0;
}
