import type { Log } from "@shardcast/log";
import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { createGateway, type Gateway, type GatewayOptions } from "../../src/index.ts";
import { type FakeWorker, type Handler, startWorker } from "./worker.ts";

export const SERVICE = "accounts";
export const LANES = 3;

export interface Started {
  readonly gateway: Gateway;
  readonly worker: FakeWorker;
  readonly cluster: MemoryCluster;
  readonly log: Log;
}

/** What the gateway logged, one object a line. */
export function recordingLogger() {
  const lines: { readonly level: number; readonly msg: string; readonly [member: string]: unknown }[] = [];
  const logger = pino({ level: "trace" }, { write: (line: string) => lines.push(JSON.parse(line)) });
  return { logger, lines };
}

/** A gateway alone, on a free port; closed after the test. */
export async function startGateway(options: Partial<GatewayOptions> & { cluster?: MemoryCluster } = {}) {
  const { cluster = new MemoryCluster(), ...rest } = options;
  const log = rest.log ?? createMemoryLog({ cluster });
  const gateway = await createGateway({
    host: "127.0.0.1",
    port: 0,
    services: { [SERVICE]: { lanes: LANES } },
    logLevel: "silent",
    shutdownGraceMs: 0,
    // Of its own tests alone: it writes and logs whenever it likes.
    planner: false,
    env: {},
    ...rest,
    log,
  });
  onTestFinished(() => gateway.close());
  return { gateway, cluster, log };
}

/** A gateway that is ready, and a worker behind it. */
export async function startBoth(
  handler: Handler,
  options: Partial<GatewayOptions> & { cluster?: MemoryCluster } = {},
): Promise<Started> {
  const { gateway, cluster, log } = await startGateway(options);
  await gateway.ready;
  const worker = await startWorker(cluster, SERVICE, LANES, handler);
  return { gateway, worker, cluster, log };
}
