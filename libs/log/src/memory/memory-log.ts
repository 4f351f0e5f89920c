import type { Log } from "../log.ts";
import { MemoryCluster } from "./memory-cluster.ts";
import { openMemoryReader } from "./memory-reader.ts";
import { openMemorySession } from "./memory-session.ts";
import { ensureMemoryTopics } from "./memory-topics.ts";
import { assertAvailable, assertFits, closedError, partitionOf, refusedError } from "./refusals.ts";

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

    async rangesOf(topic) {
      assertUsable();
      const partitions = cluster.partitionsOf(topic);
      if (partitions === undefined) throw refusedError(`there is no topic ${topic}`);
      return partitions.map(({ earliest, end }) => ({ low: earliest, high: end }));
    },

    async progressOf(service, topic) {
      assertUsable();
      if (cluster.specOf(topic) === undefined) throw refusedError(`there is no topic ${topic}`);
      return cluster.progressByLane(service, topic);
    },

    // stored before the first await, so calls made one after another land in that order
    async append(record) {
      assertUsable();
      assertFits(cluster, record);
      const offset = partitionOf(cluster, record).append(record);
      cluster.notify();
      return { offset };
    },

    assertFits(record) {
      assertFits(cluster, record);
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
