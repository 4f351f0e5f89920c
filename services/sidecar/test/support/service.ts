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
import { createSidecar, resolveSidecarOptions, type Sidecar } from "../../src/index.ts";

export const SERVICE = "accounts";
const TOPICS = broadcastTopicsOf(SERVICE);

/** The log of a service, with what members say of broadcasts. */
export interface Service {
  readonly acks: AckRecord[];
  /** Not yet started. Several are several processes. */
  sidecar(env: Readonly<Record<string, string>>): Sidecar;
  /** Puts a broadcast there as a gateway would. Resolves to its id. */
  broadcast(expected?: readonly ExpectedMember[], body?: string): Promise<string>;
}

export async function openService(): Promise<Service> {
  const cluster = new MemoryCluster();
  const log = createMemoryLog({ cluster });
  onTestFinished(() => log.close());
  await log.ensureTopics([...Object.values(topicsOf(SERVICE, { lanes: 1 })), ...Object.values(TOPICS)]);
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
