import { type Client, connect } from "@shardcast/client";
import type { LogRecord } from "@shardcast/log";
import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import {
  type AckRecord,
  broadcastTopicsOf,
  decodeAck,
  type ExpectedMember,
  encodeBroadcast,
  newBroadcastId,
  topicsOf,
} from "@shardcast/protocol";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import {
  createSidecar,
  type LocalApi,
  resolveSidecarOptions,
  type Sidecar,
  serveLocalApi,
} from "../../src/index.ts";

export const SERVICE = "accounts";
const TOPICS = broadcastTopicsOf(SERVICE);

/** The log of a service, with what members say of broadcasts. */
export interface Service {
  readonly acks: AckRecord[];
  /** What was given up. */
  readonly dead: LogRecord[];
  /** Who asks, from elsewhere. */
  readonly client: Client;
  /** Not yet started. Several are several processes. */
  sidecar(env: Readonly<Record<string, string>>): Sidecar;
  /** The local API of a sidecar, on a free port. */
  localApi(sidecar: Sidecar, env?: Readonly<Record<string, string>>): Promise<LocalApi>;
  /** Puts a broadcast there as a gateway would. Resolves to its id. */
  broadcast(expected?: readonly ExpectedMember[], body?: string): Promise<string>;
}

export async function openService(): Promise<Service> {
  const cluster = new MemoryCluster();
  const log = createMemoryLog({ cluster });
  onTestFinished(() => log.close());
  const topics = topicsOf(SERVICE, { lanes: 1 });
  await log.ensureTopics([...Object.values(topics), ...Object.values(TOPICS)]);
  const client = await connect({ log, services: { [SERVICE]: { replicas: 1 } } });
  onTestFinished(() => client.close());
  const dead: LogRecord[] = [];
  await log.openReader({
    topics: [topics.dead.name],
    start: [{ topic: topics.dead.name, partition: 0, from: "earliest" }],
    onRecords: (records) => void dead.push(...records),
  });
  const acks: AckRecord[] = [];
  const reader = await log.openReader({
    topics: [TOPICS.acks.name],
    onRecords: (records) => {
      for (const record of records) {
        const ack = decodeAck(record);
        if (ack !== undefined) acks.push(ack);
      }
    },
  });
  for (let partition = 0; partition < TOPICS.acks.partitions; partition++) {
    await reader.start(TOPICS.acks.name, partition, "earliest");
  }

  return {
    acks,
    dead,
    client,

    sidecar(env) {
      const all = {
        SHARDCAST_SERVICE: SERVICE,
        SHARDCAST_REPLICAS: "1",
        SHARDCAST_RETRY_MIN_MS: "1",
        SHARDCAST_RETRY_MAX_MS: "5",
        SHARDCAST_APP_HEALTH_INTERVAL_MS: "5",
        ...env,
      };
      const own = createMemoryLog({ cluster });
      const made = createSidecar(own, pino({ level: "silent" }), resolveSidecarOptions(all), all);
      onTestFinished(async () => {
        await made.stop();
        await own.close();
      });
      return made;
    },

    async localApi(sidecar, env = {}) {
      const options = resolveSidecarOptions({ SHARDCAST_APP_URL: "http://127.0.0.1:1", ...env });
      const logger = pino({ level: "silent" });
      const made = await serveLocalApi({ ...options, port: 0, client, sidecar, logger });
      onTestFinished(() => made.close());
      return made;
    },

    async broadcast(expected = [{ member: "0" }], body = '{"a":1}') {
      const id = newBroadcastId();
      const now = Date.now();
      const { key, value, headers } = encodeBroadcast({
        id,
        service: SERVICE,
        handler: "reload",
        contentType: "application/json",
        headers: { "x-a": "1" },
        body: Buffer.from(body),
        acceptedMs: now,
        expiresMs: now + 600_000,
        ack: { kind: expected.length === 0 ? "none" : "all" },
        epoch: 0,
        expected,
        targeted: false,
      });
      await log.append({ topic: TOPICS.broadcast.name, partition: 0, key, value, headers });
      return id;
    },
  };
}

/** Of what was said of a broadcast, the words that are final. */
export function finalOf(acks: readonly AckRecord[], id: string) {
  return acks.filter(
    (ack): ack is Extract<AckRecord, { kind: "acked" | "failed" }> =>
      (ack.kind === "acked" || ack.kind === "failed") && ack.id === id,
  );
}
