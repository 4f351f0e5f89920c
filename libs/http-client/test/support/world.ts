import { connect } from "@shardcast/client";
import { createGateway } from "@shardcast/gateway";
import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import { createWorker, type Handler } from "@shardcast/worker";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { connectHttp, type HttpClient } from "../../src/index.ts";

export const SERVICE = "accounts";
export const LANES = 3;
export const MEMBER_URL = "http://accounts-0:3000";

/** A service with one real worker, in memory. */
export interface World {
  readonly cluster: MemoryCluster;
}

/** Opens a client on a world; closed after the test. */
export type Open = (world: World) => Promise<HttpClient>;

/** Starts the worker; after the test its process is killed. */
export async function startWorld(handlers: Readonly<Record<string, Handler>>): Promise<World> {
  const cluster = new MemoryCluster();
  const log = createMemoryLog({ cluster });
  const worker = createWorker(
    {
      log,
      service: SERVICE,
      member: 0,
      replicas: 1,
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
  onTestFinished(async () => {
    await log.close();
    // The log is gone, so nothing is given back; handlers that hang are left behind.
    void worker.stop();
  });
  await worker.start();
  return { cluster };
}

export const openKafkaClient: Open = async ({ cluster }) => {
  const log = createMemoryLog({ cluster });
  const client = await connect({ log, services: { [SERVICE]: { lanes: LANES, replicas: 1 } } });
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
export async function startGateway({ cluster }: World, port = 0) {
  const gateway = await createGateway({
    log: createMemoryLog({ cluster }),
    host: "127.0.0.1",
    port,
    services: { [SERVICE]: { lanes: LANES, replicas: 1 } },
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
