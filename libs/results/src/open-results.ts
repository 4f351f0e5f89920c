import type { Log } from "@shardcast/log";
import { RESULT_RETENTION_MS, ShardcastError, topicsOf } from "@shardcast/protocol";
import type { Logger } from "pino";
import { EndedStore } from "./ended-store.ts";
import { Follower } from "./follower.ts";
import { KnownResults } from "./known-results.ts";
import type { Results } from "./results.ts";
import { sweepEvery } from "./sweep.ts";

export interface ResultsOptions {
  readonly service: string;
  /** Put before every topic's name. Default none. */
  readonly topicPrefix?: string;
  /** P, the number of lanes. */
  readonly lanes: number;
  /** How long results are kept, milliseconds. Default {@link RESULT_RETENTION_MS}. */
  readonly retentionMs?: number;
  /** An existing folder with room for the file. Default: the system's for temporary files. */
  readonly folder?: string;
  readonly logger?: Logger;
}

/** Results that may wait in memory to be written to the file; beyond it reading waits (C7). */
const MAX_UNWRITTEN_BYTES = 32_000_000;
const SWEEP_MS = 1_000;

/**
 * Opens the results of a service; resolves when it has begun to follow them, not when it knows all of them
 * ({@link Results.restored}).
 *
 * @throws {ShardcastError} SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_LOG_REFUSED (e.g. there is no topic), SHARDCAST_CLOSED;
 *   SHARDCAST_TOPIC_MISMATCH when the topic has not as many partitions as there are lanes
 */
export async function openResults(log: Log, options: ResultsOptions): Promise<Results> {
  const { service, topicPrefix: prefix = "", lanes, retentionMs = RESULT_RETENTION_MS, logger } = options;
  const topic = topicsOf(service, { lanes, prefix }).results.name;
  const partitions = await log.partitionsOf(topic);
  if (partitions !== undefined && partitions !== lanes) {
    const detail = `topic ${topic} has ${partitions} partitions, wanted ${lanes}`;
    throw new ShardcastError("SHARDCAST_TOPIC_MISMATCH", detail);
  }
  let follower: Follower | undefined;
  const store = await EndedStore.open({
    folder: options.folder,
    onWritten: () => {
      if (store.unwrittenBytes < MAX_UNWRITTEN_BYTES / 2) follower?.resume();
    },
    logger,
  });
  const known = new KnownResults(store, retentionMs);
  try {
    follower = await Follower.open(log, {
      topic,
      onResult: (result) => known.take(result),
      onBatch: () => {
        if (store.unwrittenBytes > MAX_UNWRITTEN_BYTES) follower?.pause();
      },
      logger,
    });
  } catch (error) {
    await store.close();
    throw error;
  }
  const { restored } = follower;
  const stopSweeping = sweepEvery(SWEEP_MS, (most) => known.dropOld(most));
  let closing: Promise<void> | undefined;

  return {
    get: (id) => known.get(id),
    watch: (id, listener) => known.watch(id, listener),
    note: (result) => known.take(result),
    caughtUp: (lane) => follower.caughtUp(lane),
    restored,
    get size() {
      return known.size;
    },
    retentionMs,
    close() {
      stopSweeping();
      closing ??= follower.close().finally(() => store.close());
      return closing;
    },
  };
}
