import type { AppendRecord, LogRecord } from "@shardcast/log";
import type { OffsetSpan } from "@shardcast/protocol";
import type { LetterOutcome } from "./settling.ts";

/** Bytes of requests in one commit; the last one may go beyond. */
const MAX_BYTES = 4_000_000;
/** Records looked at for one commit: others want to read as well. */
const MAX_SCANNED = 2_000;

export interface BatchLimits {
  /** Letters that are settled. */
  readonly settled: number;
  /** Letters that fit the selection. */
  readonly matched: number;
}

/** Letters of one lane that are settled together, in one commit. */
export class Batch {
  readonly requests: AppendRecord[] = [];
  readonly spans: OffsetSpan[] = [];
  readonly outcomes: LetterOutcome[] = [];
  /** Letters that fit and had been settled before. */
  settledBefore = 0;
  readonly #limits: BatchLimits;
  #bytes = 0;
  #scanned = 0;
  #settled = 0;
  #edge: number;

  /** @param edge from there to the first record that is looked at there is no letter */
  constructor(edge: number, limits: BatchLimits) {
    this.#edge = edge;
    this.#limits = limits;
  }

  get isFull(): boolean {
    const { settled, matched } = this.#limits;
    if (this.#settled >= settled || this.outcomes.length >= matched) return true;
    return this.#scanned >= MAX_SCANNED || this.#bytes >= MAX_BYTES;
  }

  /** From there on nothing is known. */
  get edge(): number {
    return this.#edge;
  }

  /** Letters that this batch settles. */
  get settled(): number {
    return this.#settled;
  }

  /** A record that is no letter: spans go over it, as they go over the gaps that transactions leave. */
  noLetter(): void {
    this.#scanned++;
  }

  /** A letter that stays as it is. */
  leave({ offset }: LogRecord): void {
    this.#scanned++;
    this.#edge = offset + 1;
  }

  /** A letter that is settled, with the request that is sent again, if one is. */
  settle({ offset }: LogRecord, request?: AppendRecord): void {
    this.#scanned++;
    this.#settled++;
    const last = this.spans.at(-1);
    if (last?.to === this.#edge) this.spans[this.spans.length - 1] = { from: last.from, to: offset + 1 };
    else this.spans.push({ from: this.#edge, to: offset + 1 });
    this.#edge = offset + 1;
    if (request === undefined) return;
    this.requests.push(request);
    this.#bytes += request.value?.byteLength ?? 0;
  }
}
