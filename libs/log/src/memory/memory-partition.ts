import type { LogRecord } from "../reader.ts";
import { copyRecord, type RecordInput } from "./stored-record.ts";

/** One partition's records, the oldest dropped beyond a limit, as retention does (C7). */
export class MemoryPartition {
  readonly #topic: string;
  readonly #partition: number;
  readonly #limit: number;
  #records: LogRecord[] = [];
  /** How many at the front of the array are dropped already; they are cut off in one go, not one by one. */
  #dropped = 0;
  #end = 0;

  constructor(topic: string, partition: number, limit: number) {
    this.#topic = topic;
    this.#partition = partition;
    this.#limit = limit;
  }

  /** The offset of the oldest record there is; the end when there is none. */
  get earliest(): number {
    return this.#end - (this.#records.length - this.#dropped);
  }

  /** The offset the next record gets. */
  get end(): number {
    return this.#end;
  }

  append(record: RecordInput): number {
    const offset = this.#end++;
    this.#records.push({
      topic: this.#topic,
      partition: this.#partition,
      offset,
      timestampMs: Date.now(),
      ...copyRecord(record),
    });
    if (this.#records.length - this.#dropped > this.#limit) this.#dropOldest();
    return offset;
  }

  /** Copies of at most `max` records from an offset on, or from the earliest where that offset is gone. */
  read(from: number, max: number): LogRecord[] {
    const first = Math.max(from, this.earliest) - this.earliest + this.#dropped;
    return this.#records.slice(first, first + max).map((record) => ({ ...record, ...copyRecord(record) }));
  }

  #dropOldest(): void {
    this.#dropped++;
    if (this.#dropped <= this.#limit) return;
    this.#records = this.#records.slice(this.#dropped);
    this.#dropped = 0;
  }
}
