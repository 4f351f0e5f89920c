import type { OffsetSpan } from "@shardcast/protocol";

/**
 * Which letters of one lane nothing is left to be done about. Spans, not offsets: what was settled side by side takes one
 * entry, and what retention has removed takes none once a marker has told of it (C7).
 */
export class SettledOffsets {
  /** In order, none touching the next. */
  #spans: OffsetSpan[] = [];

  /** Entries held. */
  get size(): number {
    return this.#spans.length;
  }

  has(offset: number): boolean {
    const span = this.#spans[this.#firstEndingAfter(offset)];
    return span !== undefined && span.from <= offset;
  }

  /** Adds a span; saying something twice changes nothing. */
  add({ from, to }: OffsetSpan): void {
    const first = this.#firstEndingAfter(from - 1); // one that ends where this begins is joined
    let end = first;
    let merged: OffsetSpan = { from, to };
    for (let span = this.#spans[end]; span !== undefined && span.from <= to; span = this.#spans[++end]) {
      merged = { from: Math.min(merged.from, span.from), to: Math.max(merged.to, span.to) };
    }
    this.#spans.splice(first, end - first, merged);
  }

  /** Forgets what lies below an offset. */
  dropBelow(low: number): void {
    const kept = this.#firstEndingAfter(low);
    if (kept > 0) this.#spans = this.#spans.slice(kept);
  }

  /** Index of the first span with `to` above the offset. */
  #firstEndingAfter(offset: number): number {
    let [low, high] = [0, this.#spans.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#spans[middle] as OffsetSpan).to > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
