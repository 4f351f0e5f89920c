import { ShardcastError } from "@shardcast/protocol";
import type { Log } from "../log.ts";
import { MemoryCluster } from "./memory-cluster.ts";
import { openMemoryReader } from "./memory-reader.ts";
import { openMemorySession } from "./memory-session.ts";
import { ensureMemoryTopics } from "./memory-topics.ts";
import { assertAvailable, closedError, refusedError } from "./refusals.ts";
import { recordBytes } from "./stored-record.ts";

export interface MemoryLogOptions {
  /** The storage to connect to; one of its own where absent. */
  readonly cluster?: MemoryCluster;
}

/** One process's connection to a log in memory: for tests and for the demo. */
export function createMemoryLog({ cluster = new MemoryCluster() }: MemoryLogOptions = {}): Log {
  const open = new Set<{ close(): Promise<void> }>();
  let closed = false;

  function assertUsable(): void {
    if (closed) throw closedError("log");
    assertAvailable(cluster);
  }

  function opened<T extends { close(): Promise<void> }>(part: T): T {
    open.add(part);
    return part;
  }

  return {
    get available() {
      return cluster.available;
    },

    async ensureTopics(specs) {
      assertUsable();
      ensureMemoryTopics(cluster, specs);
    },

    async partitionsOf(topic) {
      assertUsable();
      return cluster.specOf(topic)?.partitions;
    },

    // stored before the first await, so calls made one after another land in that order
    async append(record) {
      assertUsable();
      const bytes = recordBytes(record);
      if (bytes > cluster.maxRecordBytes) {
        throw new ShardcastError(
          "SHARDCAST_BODY_TOO_LARGE",
          `the record has ${bytes} bytes; at most ${cluster.maxRecordBytes}`,
        );
      }
      const partition = cluster.partition(record.topic, record.partition);
      if (partition === undefined) throw refusedError(`there is no ${record.topic}/${record.partition}`);
      const offset = partition.append(record);
      cluster.notify();
      return { offset };
    },

    async openReader(options) {
      assertUsable();
      for (const topic of options.topics) {
        if (cluster.specOf(topic) === undefined) throw refusedError(`there is no topic ${topic}`);
      }
      return opened(openMemoryReader(cluster, options, (reader) => open.delete(reader)));
    },

    async openSession(options) {
      assertUsable();
      if (cluster.specOf(options.topic) === undefined)
        throw refusedError(`there is no topic ${options.topic}`);
      return opened(openMemorySession(cluster, options, (session) => open.delete(session)));
    },

    async close() {
      closed = true;
      await Promise.all([...open].map((part) => part.close()));
    },
  };
}
