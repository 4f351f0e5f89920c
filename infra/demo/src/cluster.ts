import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Effect } from "@shardcast/accounts";
import { createGateway, type Gateway } from "@shardcast/gateway";
import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import type { Logger } from "pino";
import { REPLICAS, type Replica, SERVICE, startReplica } from "./replica.ts";

export interface ClusterOptions {
  readonly port: number;
  /** Takes a free port where `port` is taken, instead of failing. */
  readonly otherPortIfTaken: boolean;
  readonly logger: Logger;
}

/** The whole of it in one process: a log in memory, the gateway, three replicas over one folder of accounts. */
export interface Cluster {
  readonly url: string;
  readonly port: number;
  readonly gateway: Gateway;
  readonly storage: MemoryCluster;
  readonly dir: string;
  /** The incarnation of a member that lives now. */
  replica(member: number): Replica;
  /** Starts the next incarnation of a member. */
  restart(member: number): Promise<Replica>;
  /** What all incarnations have stored. */
  effects(): Effect[];
  close(): Promise<void>;
}

export async function startCluster({ port, otherPortIfTaken, logger }: ClusterOptions): Promise<Cluster> {
  const storage = new MemoryCluster();
  const dir = await mkdtemp(join(tmpdir(), "shardcast-demo-"));
  const started: Replica[] = [];
  let gateway: Gateway | undefined;

  async function start(member: number): Promise<Replica> {
    const replica = await startReplica(member, { cluster: storage, dir, logger });
    started.push(replica);
    return replica;
  }

  async function close(): Promise<void> {
    await gateway?.close();
    await Promise.all(started.map((replica) => replica.stop()));
    await rm(dir, { recursive: true, force: true });
  }

  try {
    gateway = await openGateway(storage, logger, port).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE" || !otherPortIfTaken) throw error;
      return openGateway(storage, logger, 0);
    });
    for (let member = 0; member < REPLICAS; member++) await start(member);
    await gateway.ready;
  } catch (error) {
    await close();
    throw error;
  }

  return {
    url: gateway.url,
    port: gateway.port,
    gateway,
    storage,
    dir,
    replica(member) {
      const replica = started.findLast((each) => each.member === member);
      if (replica === undefined) throw new RangeError(`there is no replica ${member}`);
      return replica;
    },
    restart: start,
    effects: () => started.flatMap(({ effects }) => effects),
    close,
  };
}

function openGateway(cluster: MemoryCluster, logger: Logger, port: number): Promise<Gateway> {
  return createGateway({
    log: createMemoryLog({ cluster }),
    services: { [SERVICE]: { lanes: REPLICAS } },
    host: "127.0.0.1",
    port,
    shutdownGraceMs: 2_000,
    logger,
    env: {},
  });
}
