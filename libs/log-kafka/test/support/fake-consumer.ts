import { EventEmitter } from "node:events";
import type { ConsumerConfig, Kafka } from "kafkajs";
import type { Link } from "../../src/link.ts";

type EachBatch = (payload: { batch: unknown }) => Promise<void>;

/** Stands in for kafkajs's consumer: notes what it is told, and says what the test makes it say. */
export class FakeConsumer {
  readonly events = {
    GROUP_JOIN: "join",
    CRASH: "crash",
    FETCH: "fetch",
    START_BATCH_PROCESS: "batch",
  };
  /** Seeks, pauses and resumes in order, as `seek 0@10`. */
  readonly told: string[] = [];
  cut = false;
  /** What it was made with. */
  config: ConsumerConfig | undefined;
  connect: () => Promise<void> = async () => {};
  readonly #emitter = new EventEmitter();
  readonly #assignment: Record<string, number[]>;
  #eachBatch: EachBatch = async () => {};

  constructor(assignment: Record<string, number[]>) {
    this.#assignment = assignment;
  }

  on(event: string, listener: (event: { payload: unknown }) => void): void {
    this.#emitter.on(event, listener);
  }
  async subscribe(): Promise<void> {}
  async disconnect(): Promise<void> {}
  async run({ eachBatch }: { eachBatch: EachBatch }): Promise<void> {
    this.#eachBatch = eachBatch;
    this.join();
  }
  seek({ partition, offset }: { partition: number; offset: string }): void {
    this.told.push(`seek ${partition}@${offset}`);
  }
  pause(all: { partitions: number[] }[]): void {
    for (const { partitions } of all) this.told.push(`pause ${partitions}`);
  }
  resume(all: { partitions: number[] }[]): void {
    for (const { partitions } of all) this.told.push(`resume ${partitions}`);
  }

  /** What it was told since the last call. */
  takeTold(): string[] {
    return this.told.splice(0);
  }
  /** Fetches only after this: what it was not told within the join comes too late for the first fetch. */
  join(): void {
    this.#emitter.emit("join", { payload: { memberAssignment: this.#assignment } });
    this.told.push("joined");
  }
  crash(error: Error): void {
    this.#emitter.emit("crash", { payload: { error, restart: false } });
  }
  fetched(): void {
    this.#emitter.emit("fetch", {});
  }
  /** A batch that was asked for from an offset and holds records of these offsets. */
  deliver(partition: number, fetchedOffset: number, ...offsets: number[]): Promise<void> {
    const messages = offsets.map((offset) => ({
      offset: String(offset),
      timestamp: "0",
      key: null,
      value: null,
    }));
    const batch = { topic: "t", partition, fetchedOffset: String(fetchedOffset), messages };
    return this.#eachBatch({ batch: { ...batch, lastOffset: () => String(offsets.at(-1)) } });
  }
  /** A batch of which nothing is left for us. */
  deliverNothing(partition: number, firstOffset: number | null, lastOffset: number): void {
    this.#emitter.emit("batch", {
      payload: {
        topic: "t",
        partition,
        batchSize: 0,
        firstOffset: firstOffset === null ? null : String(firstOffset),
        lastOffset: String(lastOffset),
      },
    });
  }

  asLink(): Link {
    return {
      kafka: {
        consumer: (config: ConsumerConfig) => {
          this.config = config;
          return this;
        },
      } as unknown as Kafka,
      cut: () => {
        this.cut = true;
      },
    };
  }
}
