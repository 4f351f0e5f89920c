import type { LogRecord, OffsetRange } from "@shardcast/log";
import type { Logger } from "pino";

const TELL_EVERY_MS = 3_000;

/** Says how far the first reading is; of one that takes a moment only, nothing. */
export class RestoreProgress {
  readonly #ranges: readonly OffsetRange[];
  readonly #logger: Logger | undefined;
  /** By offsets: those of commits count as well. */
  readonly #of: number;
  readonly #begunMs = performance.now();
  #records = 0;
  #toldMs = this.#begunMs;
  #ended = false;

  constructor(ranges: readonly OffsetRange[], logger: Logger | undefined) {
    this.#ranges = ranges;
    this.#logger = logger;
    this.#of = ranges.reduce((sum, { low, high }) => sum + high - low, 0);
  }

  read(records: readonly LogRecord[]): void {
    if (this.#ended) return;
    for (const { partition, offset } of records) {
      if (offset < (this.#ranges[partition]?.high ?? 0)) this.#records++;
    }
    const nowMs = performance.now();
    if (nowMs - this.#toldMs < TELL_EVERY_MS) return;
    this.#toldMs = nowMs;
    this.#logger?.info(`restoring results: ${this.#records} of ${this.#of} records`);
  }

  end(): void {
    this.#ended = true;
    const ms = Math.round(performance.now() - this.#begunMs);
    const told = this.#toldMs > this.#begunMs;
    this.#logger?.[told ? "info" : "debug"]({ records: this.#records, ms }, "results are restored");
  }
}
