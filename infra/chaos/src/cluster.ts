import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../kafka/src/ports.ts";
import type { ChaosBroker } from "./broker.ts";
import { Kept } from "./kept.ts";
import type { Exit } from "./process.ts";
import { writeReplicas } from "./replicas-file.ts";

export interface ClusterOptions {
  /** Root of the sources that the processes run; another one than our own where a guarantee is switched off. */
  readonly root: string;
  /** For logs, effects and the replicas file. */
  readonly dir: string;
  readonly broker: ChaosBroker;
  readonly prefix: string;
  readonly service: string;
  readonly lanes: number;
  readonly replicas: number;
  readonly maxReplicas: number;
  /** A process has ended that was not asked to. */
  readonly onUnasked: (name: string, exit: Exit) => void;
}

export const GATEWAYS = 2;
export const LEASE_MS = 1_500;
export const REASSIGN_AFTER_MS = 3_000;
const START_LIMIT_MS = 60_000;
const READY_POLL_MS = 100;

/** The processes of a run: gateways, and workers for as many replicas as there may be. */
export class Cluster {
  readonly urls: readonly string[];
  readonly gateways: readonly Kept[];
  readonly workers: readonly Kept[];
  readonly effectsFile: string;
  readonly #options: ClusterOptions;
  #replicas: number;

  private constructor(options: ClusterOptions, ports: readonly number[]) {
    const { root, dir, broker, prefix, service, lanes, replicas, maxReplicas, onUnasked } = options;
    this.#options = options;
    this.#replicas = replicas;
    this.effectsFile = join(dir, "effects.jsonl");
    this.urls = ports.map((port) => `http://127.0.0.1:${port}`);
    const common = { SHARDCAST_TOPIC_PREFIX: prefix };
    this.gateways = ports.map((port, i) => {
      const env = {
        ...common,
        SHARDCAST_KAFKA_BROKERS: broker.brokers,
        SHARDCAST_HOST: "127.0.0.1",
        SHARDCAST_PORT: String(port),
        SHARDCAST_SERVICES: `${service}=${lanes}/${replicas}`,
        SHARDCAST_REPLICAS_FILE: this.#replicasFile,
        SHARDCAST_REASSIGN_AFTER_MS: String(REASSIGN_AFTER_MS),
      };
      const name = `gateway-${i}`;
      const script = join(root, "services/gateway/src/main.ts");
      return new Kept({ name, script, env, logFile: join(dir, `${name}.log`) }, onUnasked);
    });
    this.workers = Array.from({ length: maxReplicas }, (_, member) => {
      const env = {
        ...common,
        SHARDCAST_KAFKA_BROKERS: broker.brokersFor(member),
        SHARDCAST_SERVICE: service,
        SHARDCAST_MEMBER: String(member),
        SHARDCAST_LANES: String(lanes),
        SHARDCAST_REPLICAS: String(replicas),
        SHARDCAST_LEASE_MS: String(LEASE_MS),
        SHARDCAST_LOST_AFTER_MS: String(REASSIGN_AFTER_MS),
        SHARDCAST_RETRY_MAX_MS: "400",
        CHAOS_EFFECTS: this.effectsFile,
      };
      const name = `worker-${member}`;
      const script = join(root, "infra/chaos/src/worker.ts");
      return new Kept({ name, script, env, logFile: join(dir, `${name}.log`) }, onUnasked);
    });
  }

  static async start(options: ClusterOptions): Promise<Cluster> {
    const ports: number[] = [];
    for (let i = 0; i < GATEWAYS; i++) ports.push(await freePort());
    const cluster = new Cluster(options, ports);
    cluster.want(options.replicas);
    for (const gateway of cluster.gateways) gateway.start();
    for (const worker of cluster.workers.slice(0, options.replicas)) worker.start();
    const ready = Promise.all([
      ...cluster.urls.map(untilAnswers),
      ...cluster.workers.slice(0, options.replicas).map((worker) => worker.ready()),
    ]);
    try {
      await bounded(ready);
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  get #replicasFile(): string {
    return join(this.#options.dir, "replicas.json");
  }

  /** How many replicas are wanted. */
  get replicas(): number {
    return this.#replicas;
  }

  /** Tells the gateways. */
  want(replicas: number): void {
    this.#replicas = replicas;
    writeReplicas(this.#replicasFile, this.#options.service, replicas);
  }

  heal(): void {
    for (const gateway of this.gateways) gateway.heal();
    for (const worker of this.workers) worker.heal();
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop()));
    await Promise.all(this.gateways.map((gateway) => gateway.stop()));
  }
}

async function bounded(ready: Promise<unknown>): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`the cluster was not ready within ${START_LIMIT_MS} ms`)),
    START_LIMIT_MS,
  );
  await Promise.race([ready, late]).finally(() => clearTimeout(timer));
}

async function untilAnswers(url: string): Promise<void> {
  for (const signal = AbortSignal.timeout(START_LIMIT_MS); ; await sleep(READY_POLL_MS)) {
    try {
      const answer = await fetch(`${url}/readyz`, { signal });
      await answer.arrayBuffer();
      if (answer.ok) return;
    } catch {
      signal.throwIfAborted();
    }
  }
}
