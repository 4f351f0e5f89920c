import { connect } from "@shardcast/client";
import { createGateway } from "@shardcast/gateway";
import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import { broadcastTopicsOf, encodeControl, topicsOf } from "@shardcast/protocol";
import { type BroadcastHandler, createWorker, type Handler } from "@shardcast/worker";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { connectHttp, type HttpClient } from "../../src/index.ts";

export const SERVICE = "accounts";
export const LANES = 3;
export const MEMBER_URL = "http://accounts-0:3000";

/** A service with real workers, in memory. */
export interface World {
  readonly cluster: MemoryCluster;
  readonly replicas: number;
}

/** Opens a client on a world; closed after the test. */
export type Open = (world: World) => Promise<HttpClient>;

/** Starts one worker; after the test its process is killed. */
export async function startWorld(handlers: Readonly<Record<string, Handler>>): Promise<World> {
  const world: World = { cluster: new MemoryCluster(), replicas: 1 };
  await startMember(world, 0, handlers, {});
  return world;
}

/** Starts so many workers that handle broadcasts. */
export async function startMembers(
  replicas: number,
  broadcastHandlers: Readonly<Record<string, BroadcastHandler>>,
): Promise<World> {
  const world: World = { cluster: new MemoryCluster(), replicas };
  const log = createMemoryLog(world);
  // Those of a service without handlers of broadcasts as well.
  await log.ensureTopics(Object.values(broadcastTopicsOf(SERVICE)));
  await log.close();
  for (let member = 0; member < replicas; member++) await startMember(world, member, {}, broadcastHandlers);
  return world;
}

async function startMember(
  { cluster, replicas }: World,
  member: number,
  handlers: Readonly<Record<string, Handler>>,
  broadcastHandlers: Readonly<Record<string, BroadcastHandler>>,
): Promise<void> {
  const log = createMemoryLog({ cluster });
  const worker = createWorker(
    {
      log,
      service: SERVICE,
      member,
      replicas,
      lanes: LANES,
      url: MEMBER_URL,
      handlers,
      // Quick, so that nothing waits longer than it must.
      commitIntervalMs: 2,
      retryMinMs: 1,
      retryMaxMs: 2,
      maxAttempts: 2,
      leaseMs: 300,
      logger: pino({ level: "silent" }),
    },
    {},
  );
  for (const [name, handler] of Object.entries(broadcastHandlers)) worker.onBroadcast(name, handler);
  onTestFinished(async () => {
    await log.close();
    // The log is gone, so nothing is given back; handlers that hang are left behind.
    void worker.stop();
  });
  await worker.start();
}

/** Publishes the first map of two replicas, as a planner would. */
export async function publishMap({ cluster }: World, lanes: readonly number[]): Promise<void> {
  const log = createMemoryLog({ cluster });
  const { requests, control } = topicsOf(SERVICE, { lanes: LANES });
  const session = await log.openSession({ service: SERVICE, member: "@planner", topic: requests.name });
  const map = encodeControl({ kind: "map", epoch: 1, replicas: 2, lanes: [...lanes] });
  await session.commit({ records: [{ topic: control.name, partition: 0, ...map }] });
  await session.close();
  await log.close();
}

export const openKafkaClient: Open = async ({ cluster, replicas }) => {
  const log = createMemoryLog({ cluster });
  const client = await connect({ log, services: { [SERVICE]: { lanes: LANES, replicas } } });
  onTestFinished(async () => {
    await client.close();
    await log.close();
  });
  return client;
};

/** With a gateway of its own. */
export const openHttpClient: Open = async (world) => {
  const { url } = await startGateway(world);
  const client = connectHttp({ url });
  onTestFinished(() => client.close());
  return client;
};

/** A real gateway on the world's cluster. */
export async function startGateway({ cluster, replicas }: World, port = 0) {
  const gateway = await createGateway({
    log: createMemoryLog({ cluster }),
    host: "127.0.0.1",
    port,
    services: { [SERVICE]: { lanes: LANES, replicas } },
    forwardHeaders: ["x-note"],
    planner: false,
    shutdownGraceMs: 0,
    logLevel: "silent",
    env: {},
  });
  onTestFinished(() => gateway.close());
  await gateway.ready;
  return gateway;
}
