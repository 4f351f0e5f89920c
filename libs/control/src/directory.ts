import type { Log, LogReader, LogRecord, OffsetRange } from "@shardcast/log";
import { decodeControl, ShardcastError, topicsOf } from "@shardcast/protocol";
import type { Logger } from "pino";
import { type ControlChange, ControlState } from "./control-state.ts";

export interface DirectoryOptions {
  readonly service: string;
  /** Put before every topic's name. Default none. */
  readonly topicPrefix?: string;
  readonly logger?: Logger;
}

export type ControlListener = (change: ControlChange, state: ControlState) => void;

/** How long an idle directory lets a request wait at the log; a change is told at once all the same. */
const MAX_WAIT_MS = 1_000;

/** `S.control` as this process knows it, kept up to date. */
export interface Directory {
  readonly state: ControlState;
  /** Calls the listener after each change until the returned function is called. It must not throw. */
  watch(listener: ControlListener): () => void;
  /** Resolves when every record below the offset is folded. @throws {ShardcastError} SHARDCAST_CLOSED */
  reached(offset: number): Promise<void>;
  /** Resolves when everything is folded that was on the log when it was called. @throws as `Log.rangesOf` and `reached` */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the directory of a service; resolves when it is up to date.
 *
 * @throws {ShardcastError} SHARDCAST_UNKNOWN_SERVICE when the service has no control topic; what the log throws
 */
export async function openDirectory(log: Log, options: DirectoryOptions): Promise<Directory> {
  const { service, topicPrefix: prefix = "", logger } = options;
  const topic = topicsOf(service, { lanes: 1, prefix }).control.name;
  if ((await log.partitionsOf(topic)) === undefined) {
    throw new ShardcastError("SHARDCAST_UNKNOWN_SERVICE", `service ${service} has no topic ${topic}`);
  }
  const state = new ControlState();
  const listeners = new Set<ControlListener>();

  function onRecords(records: readonly LogRecord[]): void {
    for (const record of records) {
      const control = decodeControl(record);
      if (control === undefined) {
        logger?.warn({ topic, offset: record.offset }, "not a control record; passed over");
        continue;
      }
      const change = state.apply(control, record.offset);
      if (change !== undefined) for (const listener of [...listeners]) listener(change, state);
    }
  }

  const reader: LogReader = await log.openReader({
    topics: [topic],
    isolation: "uncommitted",
    maxWaitMs: MAX_WAIT_MS,
    start: [{ topic, partition: 0, from: "earliest" }],
    onRecords,
  });

  const directory: Directory = {
    state,
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    reached: (offset) => reader.reached(topic, 0, offset),
    async sync() {
      const [range] = await log.rangesOf(topic);
      await reader.reached(topic, 0, (range as OffsetRange).high);
    },
    close: () => reader.close(),
  };

  try {
    await directory.sync();
  } catch (error) {
    await directory.close();
    throw error;
  }
  return directory;
}
