import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Ground, SERVICE, startGateway } from "../cluster.ts";
import type { Target } from "../paced/run.ts";
import { Resources } from "../resources.ts";
import { keysOfLanes } from "./lane-keys.ts";
import { type LaneEvent, Member } from "./member.ts";

export interface ClusterOptions {
  /** Tells it from other clusters of the run. */
  readonly name: string;
  readonly lanes: number;
  readonly replicas: number;
  readonly reassignAfterMs?: number;
  /** Whether the members are told a pod uid, which stays the same when they are started again. */
  readonly podUids?: boolean;
}

/** The gateways' and the workers' default. */
const REASSIGN_AFTER_MS = 10_000;
const SETTLE_LIMIT_MS = 60_000;

/** A gateway that plans, and workers that come, go and are scaled. */
export class Cluster {
  readonly url: string;
  readonly members: Member[] = [];
  /** What became of lanes since it was started. */
  readonly events: LaneEvent[] = [];
  readonly #ground: Ground;
  readonly #options: ClusterOptions;
  readonly #replicasFile: string;
  readonly #waiting = new Set<() => void>();
  #targets: readonly Target[] = [];

  private constructor(ground: Ground, options: ClusterOptions, url: string, replicasFile: string) {
    this.#ground = ground;
    this.#options = options;
    this.url = url;
    this.#replicasFile = replicasFile;
  }

  /** Resolves when each lane has its owner. */
  static async start(ground: Ground, options: ClusterOptions): Promise<Cluster> {
    const { name, lanes, replicas, reassignAfterMs = REASSIGN_AFTER_MS } = options;
    const own = { ...ground, prefix: `${ground.prefix}${name}.` };
    const dir = await mkdtemp(join(tmpdir(), "shardcast-bench-"));
    own.resources.add({ stop: () => rm(dir, { recursive: true, force: true }) });
    const replicasFile = join(dir, "replicas.json");
    await writeReplicas(replicasFile, replicas);
    // First, so that one alone creates the topics.
    const { url } = await startGateway(own, `${SERVICE}=${lanes}/${replicas}`, {
      SHARDCAST_REPLICAS_FILE: replicasFile,
      SHARDCAST_REASSIGN_AFTER_MS: String(reassignAfterMs),
    });
    const cluster = new Cluster(own, options, url, replicasFile);
    await Promise.all(Array.from({ length: replicas }, () => cluster.add()));
    await cluster.balanced(replicas);
    cluster.#targets = await keysOfLanes(url, lanes);
    return cluster;
  }

  /** One that ends, with all that is in it, when what is done with it has. */
  static async with<T>(
    ground: Ground,
    options: ClusterOptions,
    use: (cluster: Cluster) => Promise<T>,
  ): Promise<T> {
    const resources = new Resources();
    // An interrupted bench closes it from outside.
    ground.resources.add({ stop: () => resources.close() });
    try {
      return await use(await Cluster.start({ ...ground, resources }, options));
    } finally {
      await resources.close();
    }
  }

  /** Some keys of these lanes, or of all, lane by lane in turn. */
  targets(lanes?: readonly number[]): Target[] {
    return this.#targets.filter(({ lane }) => lanes === undefined || lanes.includes(lane));
  }

  /** One more worker, whether the map gives it lanes or not. Resolves when it is up. */
  async add(): Promise<Member> {
    const { brokers, prefix, resources } = this.#ground;
    const { lanes, replicas, reassignAfterMs = REASSIGN_AFTER_MS, podUids = false } = this.#options;
    const ordinal = this.members.length;
    const env = {
      SHARDCAST_KAFKA_BROKERS: brokers.join(","),
      SHARDCAST_TOPIC_PREFIX: prefix,
      SHARDCAST_SERVICE: SERVICE,
      SHARDCAST_MEMBER: String(ordinal),
      SHARDCAST_LANES: String(lanes),
      SHARDCAST_REPLICAS: String(replicas),
      SHARDCAST_LOST_AFTER_MS: String(reassignAfterMs),
      ...(podUids ? { SHARDCAST_POD_UID: `pod-${ordinal}` } : {}),
    };
    const member = resources.add(new Member({ ordinal, env, onLane: (event) => this.#onLane(event) }));
    this.members.push(member);
    await member.start();
    await member.ready();
    return member;
  }

  /** Tells the gateway how many replicas are wanted; it looks every second. */
  async want(replicas: number): Promise<void> {
    await writeReplicas(this.#replicasFile, replicas);
  }

  /** Resolves when the first so many members have all lanes, in shares that differ by one at most. */
  async balanced(replicas: number): Promise<void> {
    const { lanes } = this.#options;
    const isShare = (count: number) =>
      count === Math.floor(lanes / replicas) || count === Math.ceil(lanes / replicas);
    await this.until(`${lanes} lanes balanced over ${replicas} members`, () => {
      const counts = this.members.map((member) => member.lanes.length);
      const held = counts.slice(0, replicas);
      return held.every(isShare) && held.reduce((sum, count) => sum + count, 0) === lanes;
    });
  }

  /** Resolves when it is so, looked at whenever a lane has changed hands. */
  async until(what: string, isSo: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (isSo()) resolve();
    };
    this.#waiting.add(look);
    look();
    try {
      // Any member that ends by itself ends the waiting.
      await Promise.race(this.members.map((member) => member.within(promise, what, SETTLE_LIMIT_MS)));
    } finally {
      this.#waiting.delete(look);
    }
  }

  #onLane(event: LaneEvent): void {
    this.events.push(event);
    for (const look of this.#waiting) look();
  }
}

/** Whole at any time: the gateway reads it when it likes. */
async function writeReplicas(path: string, replicas: number): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify({ [SERVICE]: replicas }));
  await rename(`${path}.new`, path);
}
