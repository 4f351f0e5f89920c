import { type Directory, openDirectory } from "@shardcast/control";
import type { Log, LogRecord } from "@shardcast/log";
import { createMemoryLog, MemoryCluster, type MemoryClusterOptions } from "@shardcast/log/memory";
import {
  type AckRecord,
  ackPartitionOf,
  type BroadcastEnvelope,
  broadcastTopicsOf,
  type ControlRecord,
  decodeAck,
  decodeBroadcast,
  encodeAck,
  encodeBroadcast,
  encodeControl,
  topicsOf,
} from "@shardcast/protocol";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { type Broadcasts, type BroadcastsOptions, openBroadcasts } from "../../src/index.ts";

export const SERVICE = "accounts";

/** A service of a cluster in memory whose members are played by the test. */
export class World {
  readonly cluster: MemoryCluster;
  readonly log: Log;
  readonly topics = broadcastTopicsOf(SERVICE);
  readonly control = topicsOf(SERVICE, { lanes: 2 }).control;
  readonly logged: Record<string, unknown>[] = [];
  readonly logger = pino({ level: "debug" }, { write: (line) => void this.logged.push(JSON.parse(line)) });

  private constructor(options: MemoryClusterOptions) {
    this.cluster = new MemoryCluster(options);
    this.log = this.connect();
  }

  static async open(options: MemoryClusterOptions = {}): Promise<World> {
    const world = new World(options);
    await world.log.ensureTopics([world.topics.broadcast, world.topics.acks, world.control]);
    return world;
  }

  /** A connection of another process. */
  connect(): Log {
    const log = createMemoryLog({ cluster: this.cluster });
    onTestFinished(() => log.close());
    return log;
  }

  async directory(log: Log = this.log): Promise<Directory> {
    const directory = await openDirectory(log, { service: SERVICE });
    onTestFinished(() => directory.close());
    return directory;
  }

  /** What another process knows of broadcasts; three replicas unless told otherwise. */
  async broadcasts(options: Partial<BroadcastsOptions> = {}, log: Log = this.connect()): Promise<Broadcasts> {
    const directory = options.directory ?? (await this.directory(log));
    const { logger } = this;
    const broadcasts = await openBroadcasts(log, {
      service: SERVICE,
      replicas: 3,
      logger,
      ...options,
      directory,
    });
    onTestFinished(() => broadcasts.close());
    return broadcasts;
  }

  async tell(...records: ControlRecord[]): Promise<void> {
    for (const record of records) {
      await this.log.append({ topic: this.control.name, partition: 0, ...encodeControl(record) });
    }
  }

  async say(...acks: AckRecord[]): Promise<void> {
    for (const ack of acks) {
      const record = encodeAck(ack);
      const partitions =
        ack.kind === "joined"
          ? [...Array(this.topics.acks.partitions).keys()]
          : [ackPartitionOf(ack.id) ?? 0];
      for (const partition of partitions) {
        await this.log.append({ topic: this.topics.acks.name, partition, ...record });
      }
    }
  }

  async put(broadcast: BroadcastEnvelope): Promise<void> {
    await this.log.append({ topic: this.topics.broadcast.name, partition: 0, ...encodeBroadcast(broadcast) });
  }

  /** Every broadcast on the log, repetitions as well. */
  published(): BroadcastEnvelope[] {
    return this.#read(this.topics.broadcast.name, 0).flatMap((record) => {
      const decoded = decodeBroadcast(record, SERVICE);
      return decoded.kind === "broadcast" ? [decoded.broadcast] : [];
    });
  }

  /** Everything that was said, by partition. */
  said(): AckRecord[] {
    return [...Array(this.topics.acks.partitions).keys()].flatMap((partition) =>
      this.#read(this.topics.acks.name, partition).flatMap((record) => decodeAck(record) ?? []),
    );
  }

  #read(topic: string, partition: number): LogRecord[] {
    return this.cluster.partition(topic, partition)?.read(0, 100_000) ?? [];
  }
}
