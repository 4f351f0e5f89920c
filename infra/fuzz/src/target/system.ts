import { type Client, connect } from "@shardcast/client";
import { createGateway, type Gateway } from "@shardcast/gateway";
import type { Log } from "@shardcast/log";
import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import { createWorker, type Worker } from "@shardcast/worker";
import { pino } from "pino";
import { openForger } from "./forger.ts";
import { echo, named } from "./handlers.ts";
import {
  BODY_LIMIT_BYTES,
  CLIENT_INSTANCE,
  ECHO_SERVICE,
  KEPT_RECORDS,
  LANES,
  MAX_RECORD_BYTES,
  NAMED_SERVICE,
  SERVICES,
} from "./settings.ts";
import { Traffic } from "./traffic.ts";

/** Everything of Shardcast that random input meets, on the log in memory. */
export interface System {
  readonly cluster: MemoryCluster;
  readonly log: Log;
  readonly gateway: Gateway;
  readonly client: Client;
  readonly traffic: Traffic;
  close(): Promise<void>;
}

export async function startSystem(): Promise<System> {
  const logger = pino({ level: "silent" });
  const cluster = new MemoryCluster({
    maxRecordsPerPartition: KEPT_RECORDS,
    maxRecordBytes: MAX_RECORD_BYTES,
  });
  const log = createMemoryLog({ cluster });
  const workers: Worker[] = SERVICES.flatMap((service) =>
    Array.from({ length: LANES }, (_, member) =>
      createWorker(
        {
          log: createMemoryLog({ cluster }),
          logger,
          service,
          member,
          replicas: LANES,
          handlers: named,
          ...(service === ECHO_SERVICE ? { defaultHandler: echo } : {}),
          maxAttempts: 2,
          retryMinMs: 1,
          retryMaxMs: 2,
          commitIntervalMs: 5,
          // Below a batch, so that its pausing is met as well.
          maxQueued: 40,
        },
        {},
      ),
    ),
  );
  await Promise.all(workers.map((worker) => worker.start()));
  const services = { [ECHO_SERVICE]: { lanes: LANES }, [NAMED_SERVICE]: { lanes: LANES } };
  const client = await connect({ log, services, instance: CLIENT_INSTANCE, logger });
  const gateway = await createGateway({
    log: createMemoryLog({ cluster }),
    logger,
    host: "127.0.0.1",
    port: 0,
    services,
    bodyLimitBytes: BODY_LIMIT_BYTES,
    defaultTimeoutMs: 10_000,
    shutdownGraceMs: 2_000,
    forwardHeaders: ["x-forwarded", "cookie", "set-cookie", "accept"],
    env: {},
  });
  await gateway.ready;
  const traffic = await Traffic.open(log);
  await openForger(log);
  return {
    cluster,
    log,
    gateway,
    client,
    traffic,
    async close() {
      await gateway.close();
      await client.close();
      await Promise.all(workers.map((worker) => worker.stop()));
      await log.close();
    },
  };
}
