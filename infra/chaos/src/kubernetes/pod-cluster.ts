import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startTestbed, type Testbed, type TestNode } from "@shardcast/infra-kubernetes";
import pRetry from "p-retry";
import { IMAGES, type ManifestOptions, manifestsOf, ROLE } from "./manifests.ts";
import type { RollOut } from "./pod-fault.ts";

export interface PodClusterOptions {
  /** Root of the sources that the processes run. */
  readonly root: string;
  /** For logs and effects. */
  readonly dir: string;
  readonly brokers: string;
  readonly prefix: string;
  readonly service: string;
  readonly lanes: number;
  readonly replicas: number;
  readonly podManagementPolicy: ManifestOptions["podManagementPolicy"];
}

export const POD_LEASE_MS = 1_500;
export const POD_REASSIGN_AFTER_MS = 3_000;
const NAMESPACE = "chaos";
const GATEWAYS = 2;
/** The first one is the gateways', and left alone. */
const NODES = 4;
/** A machine that is short of processors must not lose its nodes for it. */
const NODE_GRACE_MS = 12_000;
const SETTLE_LIMIT_MS = 120_000;
const POLL_MS = 200;

interface StatefulSet {
  readonly metadata: { readonly generation: number };
  readonly status: {
    readonly observedGeneration?: number;
    readonly currentRevision?: string;
    readonly updateRevision?: string;
    readonly updatedReplicas?: number;
  };
}

interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** The processes of a run as pods of a real control plane: gateways by a Deployment, workers by a StatefulSet. */
export class PodCluster {
  readonly urls: string[] = [];
  readonly effectsFile: string;
  readonly #testbed: Testbed;
  readonly #service: string;
  readonly #dir: string;
  readonly #seen = new Set<string>();
  #replicas: number;
  #stopped: Promise<void> | undefined;

  private constructor(testbed: Testbed, options: PodClusterOptions) {
    this.#testbed = testbed;
    this.#service = options.service;
    this.#dir = options.dir;
    this.#replicas = options.replicas;
    this.effectsFile = effectsFileOf(options);
  }

  /** Resolves when gateways and replicas are ready. */
  static async start(options: PodClusterOptions): Promise<PodCluster> {
    const { root, brokers, prefix, service, lanes, replicas, podManagementPolicy } = options;
    const node = [
      process.execPath,
      "--disable-warning=TimeoutNegativeWarning",
      "--conditions=@shardcast/source",
    ];
    const testbed = await startTestbed({
      nodes: NODES,
      nodeMonitorGraceMs: NODE_GRACE_MS,
      images: {
        [IMAGES.gateway]: { command: [...node, join(root, "services/gateway/src/main.ts")] },
        [IMAGES.worker]: { command: [...node, join(root, "infra/chaos/src/worker.ts")] },
      },
    });
    try {
      for (const [i, { name }] of testbed.nodes.entries()) {
        await testbed.kubectl("label", "node", name, `${ROLE}=${i === 0 ? "gateways" : "workers"}`);
      }
      const env = { SHARDCAST_KAFKA_BROKERS: brokers, SHARDCAST_TOPIC_PREFIX: prefix };
      const workerEnv = { CHAOS_EFFECTS: effectsFileOf(options), SHARDCAST_RETRY_MAX_MS: "400" };
      const items = manifestsOf({
        ...{ namespace: NAMESPACE, service, lanes, replicas, gateways: GATEWAYS, env, workerEnv },
        podManagementPolicy,
        ...{ leaseMs: POD_LEASE_MS, reassignAfterMs: POD_REASSIGN_AFTER_MS },
      });
      await testbed.apply(items, NAMESPACE);
      const cluster = new PodCluster(testbed, options);
      await testbed.kubectl("-n", NAMESPACE, "rollout", "status", "deploy/gateway", "--timeout=60s");
      await cluster.settled();
      for (const { status } of await cluster.#pods("app=gateway"))
        cluster.urls.push(`http://${status.podIP}:8080`);
      return cluster;
    } catch (error) {
      await testbed.stop();
      throw error;
    }
  }

  /** How many replicas are wanted. */
  get replicas(): number {
    return this.#replicas;
  }

  async scale(replicas: number): Promise<void> {
    this.#replicas = replicas;
    await this.#kubectl("scale", `statefulset/${this.#service}`, `--replicas=${replicas}`);
    await this.settled();
  }

  async rollOut(how: RollOut): Promise<void> {
    const restart = () => this.#kubectl("rollout", "restart", `statefulset/${this.#service}`);
    switch (how) {
      case "all":
        await restart();
        break;
      case "partition":
        await this.#updateBy({ type: "RollingUpdate", rollingUpdate: { partition: this.#replicas - 1 } });
        await restart();
        await this.settled(1);
        await this.#updateBy({ type: "RollingUpdate", rollingUpdate: { partition: 0 } });
        break;
      case "on-delete":
        await this.#updateBy({ type: "OnDelete", rollingUpdate: null });
        await restart();
        for (let member = 0; member < this.#replicas; member++) {
          await this.#kubectl("delete", `pod/${this.#service}-${member}`, "--wait=false");
          await this.settled(member + 1);
        }
        await this.#updateBy({ type: "RollingUpdate", rollingUpdate: { partition: 0 } });
    }
    await this.settled();
  }

  #updateBy(updateStrategy: object): Promise<void> {
    const patch = JSON.stringify({ spec: { updateStrategy } });
    return this.#kubectl("patch", `statefulset/${this.#service}`, "--type=merge", "-p", patch);
  }

  /** As people do who do not wait: the pod is gone for the API at once, and its process is killed. */
  async deletePod(member: number): Promise<void> {
    const pod = `pod/${this.#service}-${member}`;
    await this.#kubectl("delete", pod, "--force", "--grace-period=0", "--wait=false");
    await this.settled();
  }

  killApiServer(): Promise<void> {
    return this.#testbed.killApiServer();
  }

  startApiServer(): Promise<void> {
    return this.#testbed.startApiServer();
  }

  /** A node that was lost is back, with the pods that are still bound to it. */
  async restore(node: TestNode): Promise<void> {
    await this.#testbed.startNode(node.name);
  }

  /** A node with workers on it, and which; one of them, by a number. */
  async workerNode(pick: number): Promise<{ readonly node: TestNode; readonly members: readonly string[] }> {
    const pods = await this.#pods(`app=${this.#service}`);
    // Of one that was lost there are several lives, the last of which counts.
    const nodes = [...new Map(this.#testbed.nodes.map((node) => [node.name, node])).values()];
    const taken = nodes.filter(({ name }) => pods.some(({ spec }) => spec.nodeName === name));
    const node = taken[pick % taken.length] as TestNode;
    const members = pods
      .filter(({ spec }) => spec.nodeName === node.name)
      .map(({ metadata }) => metadata.name.slice(this.#service.length + 1));
    return { node, members };
  }

  /** Resolves when exactly the wanted replicas are there and ready, and so many of them of the newest revision. */
  async settled(updated = this.#replicas): Promise<void> {
    const limitMs = performance.now() + SETTLE_LIMIT_MS;
    for (;;) {
      // While the API server is away there is nothing to be seen.
      const seen = await this.#standing(updated).catch((error: unknown) => String(error));
      if (seen === undefined) return;
      if (performance.now() > limitMs) throw new Error(`the StatefulSet does not settle: ${seen}`);
      await sleep(POLL_MS);
    }
  }

  /** Keeps what the pods said. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    for (const name of this.#seen) {
      await writeFile(join(this.#dir, `${name}.log`), await this.#testbed.logs(NAMESPACE, name)).catch(
        () => {},
      );
    }
    const events = await this.#testbed.kubectl("get", "events", "-A").catch(String);
    await writeFile(join(this.#dir, "events.log"), events);
    await this.#testbed.stop();
  }

  /** What is not yet as it should be; undefined when all is. */
  async #standing(updated: number): Promise<string | undefined> {
    const { status, metadata } = await this.#testbed.get<StatefulSet>(
      `/apis/apps/v1/namespaces/${NAMESPACE}/statefulsets/${this.#service}`,
    );
    if (status.observedGeneration !== metadata.generation) return "not seen by its controller";
    if (status.updateRevision !== status.currentRevision && (status.updatedReplicas ?? 0) < updated)
      return "rolling out";
    const pods = await this.#pods(`app=${this.#service}`);
    const ready = pods.filter(
      ({ metadata, status }) =>
        metadata.deletionTimestamp === undefined &&
        status.conditions?.some(({ type, status }) => type === "Ready" && status === "True"),
    );
    if (pods.length === this.#replicas && ready.length === this.#replicas) return undefined;
    return `${ready.length} of ${this.#replicas} ready, ${pods.length} pods`;
  }

  async #pods(selector: string): Promise<readonly Pod[]> {
    const query = new URLSearchParams({ labelSelector: selector });
    const path = `/api/v1/namespaces/${NAMESPACE}/pods?${query}`;
    const { items } = await this.#testbed.get<{ items: readonly Pod[] }>(path);
    for (const { metadata } of items) this.#seen.add(metadata.name);
    return items;
  }

  /** Again while the API server is away. */
  async #kubectl(...args: string[]): Promise<void> {
    await pRetry(() => this.#testbed.kubectl("-n", NAMESPACE, ...args), {
      ...{ retries: 60, minTimeout: 200, maxTimeout: 1_000 },
    });
  }
}

function effectsFileOf({ dir }: Pick<PodClusterOptions, "dir">): string {
  return join(dir, "effects.jsonl");
}
