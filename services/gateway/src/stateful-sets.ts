import type { ReplicaSource } from "@shardcast/control";
import type { StatefulSetPods, StatefulSetReplicas } from "@shardcast/kubernetes";
import { ShardcastError } from "@shardcast/protocol";
import type { Logger } from "pino";
import type { MemberPods } from "./directory/member-pods.ts";
import type { StatefulSetRef } from "./stateful-sets-option.ts";

export interface StatefulSetsOptions {
  readonly statefulSets: Readonly<Record<string, StatefulSetRef>>;
  /** What names of Services end in. */
  readonly clusterDomain: string;
  /** Whether it is to be known how many replicas are wanted. */
  readonly planner: boolean;
  /** Where `KUBECONFIG` is looked for. Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly logger: Logger;
}

/** What is followed of one. */
interface Followed {
  /** Followed by who may plan alone. */
  readonly replicas: StatefulSetReplicas | undefined;
  readonly pods: StatefulSetPods;
}

/** The StatefulSets of services: their pods, and by `spec.replicas` how many replicas are wanted now. */
export class StatefulSets {
  readonly #followed: ReadonlyMap<string, Followed>;

  private constructor(followed: ReadonlyMap<string, Followed>) {
    this.#followed = followed;
  }

  /**
   * Begins to follow them, and waits for none: while the API is away, or refuses, the last map counts and the directory says
   * nothing of pods, and everything else is done.
   *
   * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG where there is no way to an API
   */
  static async open(options: StatefulSetsOptions): Promise<StatefulSets> {
    const { statefulSets, clusterDomain, planner, env } = options;
    // Only for who asks for it: the Kubernetes client takes most of a second to load, and 90 MB.
    const { Cluster, StatefulSetPods, StatefulSetReplicas } = await import("@shardcast/kubernetes");
    const cluster = named(() => new Cluster(env === undefined ? {} : { env }));
    const follow = (service: string, ref: StatefulSetRef): Followed => {
      const common = { cluster, ...ref, logger: options.logger.child({ service }) };
      return {
        replicas: planner ? new StatefulSetReplicas(common) : undefined,
        pods: new StatefulSetPods({ ...common, clusterDomain }),
      };
    };
    return new StatefulSets(
      new Map(Object.entries(statefulSets).map(([service, ref]) => [service, follow(service, ref)])),
    );
  }

  /** Undefined for a service that none was named for. */
  sourceOf(service: string): ReplicaSource | undefined {
    return this.#followed.get(service)?.replicas;
  }

  /** The same. */
  podsOf(service: string): MemberPods | undefined {
    return this.#followed.get(service)?.pods;
  }

  /** Asks no more; what they said last goes on counting. */
  close(): void {
    for (const { replicas, pods } of this.#followed.values()) {
      replicas?.close();
      pods.close();
    }
  }
}

/** With the setting that asks for it. */
function named<T>(step: () => T): T {
  try {
    return step();
  } catch (cause) {
    const detail = `gateway: statefulSets (SHARDCAST_STATEFUL_SETS): ${(cause as Error).message}`;
    throw new ShardcastError("SHARDCAST_INVALID_CONFIG", detail, { cause });
  }
}
