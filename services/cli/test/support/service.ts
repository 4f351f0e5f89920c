import { createGateway, type Gateway } from "@shardcast/gateway";
import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import { type AckRecord, ackPartitionOf, broadcastTopicsOf, encodeAck } from "@shardcast/protocol";
import { onTestFinished } from "vitest";

export const SERVICE = "accounts";

/** What members say themselves. */
type Said = Extract<AckRecord, { readonly attempt: number }>;
type Word<S = Said> = S extends Said ? Omit<S, "id" | "author" | "atMs"> : never;

export interface Service {
  readonly gateway: Gateway;
  /** Puts a member's word about a broadcast on the log, as its worker would. */
  say(id: string, member: string, word: Word): Promise<void>;
}

/** A real gateway on the log in memory; nobody else is there. */
export async function startService(replicas = 3): Promise<Service> {
  const cluster = new MemoryCluster();
  const gateway = await createGateway({
    host: "127.0.0.1",
    port: 0,
    services: { [SERVICE]: { lanes: 3, replicas } },
    planner: false,
    logLevel: "silent",
    shutdownGraceMs: 0,
    env: {},
    log: createMemoryLog({ cluster }),
  });
  const log = createMemoryLog({ cluster });
  onTestFinished(async () => {
    await gateway.close();
    await log.close();
  });
  await gateway.ready;
  const topic = broadcastTopicsOf(SERVICE).acks.name;
  return {
    gateway,
    async say(id, member, word) {
      const record = encodeAck({ ...word, id, author: { member, token: 1 }, atMs: Date.now() } as Said);
      await log.append({ topic, partition: ackPartitionOf(id) as number, ...record });
    },
  };
}

export const ACKED: Word = { kind: "acked", attempt: 1, status: 200, headers: {}, body: Buffer.from("done") };
export const FAILED: Word = {
  kind: "failed",
  attempt: 3,
  code: "SHARDCAST_ATTEMPTS_EXHAUSTED",
  reason: "no disk",
};
export const RETRYING: Word = { kind: "retrying", attempt: 1, reason: "no disk yet" };
