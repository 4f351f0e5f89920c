import { ShardcastError, type TopicSpec } from "@shardcast/protocol";
import type { LaneProgress } from "../session.ts";
import { MemoryPartition } from "./memory-partition.ts";

export interface MemoryClusterOptions {
  /** Records a partition keeps; beyond it the oldest are dropped. Default 100,000. */
  readonly maxRecordsPerPartition?: number;
  /** Largest record: key, value and headers together. Default 1,000,000 bytes. */
  readonly maxRecordBytes?: number;
}

/** Told when there may be something to deliver: an append, or the end of an outage. */
export type ClusterListener = () => void;

interface MemoryTopic {
  readonly spec: TopicSpec;
  readonly partitions: readonly MemoryPartition[];
}

// Kafka's own rule for topic names
const TOPIC_NAME = /^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/;

/** The storage that the "processes" of one Node process share: what a Kafka cluster is to real ones. */
export class MemoryCluster {
  readonly maxRecordBytes: number;
  readonly #maxRecords: number;
  readonly #topics = new Map<string, MemoryTopic>();
  /** By service and topic, then by lane. */
  readonly #progress = new Map<string, Map<number, LaneProgress>>();
  readonly #epochs = new Map<string, number>();
  readonly #listeners = new Set<ClusterListener>();
  #available = true;

  constructor({ maxRecordsPerPartition = 100_000, maxRecordBytes = 1_000_000 }: MemoryClusterOptions = {}) {
    this.#maxRecords = maxRecordsPerPartition;
    this.maxRecordBytes = maxRecordBytes;
  }

  get available(): boolean {
    return this.#available;
  }

  /** Begins or ends an outage, for tests. */
  setAvailable(available: boolean): void {
    this.#available = available;
    if (available) this.notify();
  }

  /** The topic's spec as it was created; undefined when there is none. */
  specOf(topic: string): TopicSpec | undefined {
    return this.#topics.get(topic)?.spec;
  }

  /** Throws SHARDCAST_LOG_REFUSED for what Kafka would not create. */
  createTopic(spec: TopicSpec): void {
    if (!TOPIC_NAME.test(spec.name) || !Number.isSafeInteger(spec.partitions) || spec.partitions < 1) {
      throw new ShardcastError(
        "SHARDCAST_LOG_REFUSED",
        `topic ${spec.name} with ${spec.partitions} partitions is not one the log creates`,
      );
    }
    const partitions = Array.from(
      { length: spec.partitions },
      (_, partition) => new MemoryPartition(spec.name, partition, this.#maxRecords),
    );
    this.#topics.set(spec.name, { spec: { ...spec }, partitions });
  }

  /** A topic's partitions; undefined when there is no such topic. */
  partitionsOf(topic: string): readonly MemoryPartition[] | undefined {
    return this.#topics.get(topic)?.partitions;
  }

  partition(topic: string, partition: number): MemoryPartition | undefined {
    return this.#topics.get(topic)?.partitions[partition];
  }

  /** The newest epoch of a member: what a session holds must equal it, or it is fenced (C2). */
  epochOf(service: string, member: string): number {
    return this.#epochs.get(keyOf(service, member)) ?? 0;
  }

  /** Begins a member's next epoch, which fences the one before. */
  nextEpoch(service: string, member: string): number {
    const epoch = this.epochOf(service, member) + 1;
    this.#epochs.set(keyOf(service, member), epoch);
    return epoch;
  }

  progressOf(service: string, topic: string, lane: number): LaneProgress | undefined {
    return this.#progress.get(keyOf(service, topic))?.get(lane);
  }

  /** The progress of all lanes that were committed, as it is now. */
  progressByLane(service: string, topic: string): Map<number, LaneProgress> {
    return new Map(this.#progress.get(keyOf(service, topic)));
  }

  saveProgress(service: string, topic: string, progress: LaneProgress): void {
    const key = keyOf(service, topic);
    const lanes = this.#progress.get(key) ?? new Map<number, LaneProgress>();
    this.#progress.set(key, lanes.set(progress.lane, progress));
  }

  /** Calls the listener at every change until the returned function is called. */
  listen(listener: ClusterListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

function keyOf(...parts: string[]): string {
  return JSON.stringify(parts);
}
