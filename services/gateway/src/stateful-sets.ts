import type { ReplicaSource } from "@shardcast/control";
import type { StatefulSetReplicas } from "@shardcast/kubernetes";
import { ShardcastError } from "@shardcast/protocol";
import type { Logger } from "pino";
import type { StatefulSetRef } from "./stateful-sets-option.ts";

export interface StatefulSetsOptions {
  readonly statefulSets: Readonly<Record<string, StatefulSetRef>>;
  /** Where `KUBECONFIG` is looked for. Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly logger: Logger;
}

/** The StatefulSets whose `spec.replicas` say how many replicas of services are wanted now. */
export class StatefulSets {
  readonly #sources: ReadonlyMap<string, StatefulSetReplicas>;

  private constructor(sources: ReadonlyMap<string, StatefulSetReplicas>) {
    this.#sources = sources;
  }

  /**
   * Begins to follow them, and waits for none: while the API is away nothing is planned, and everything else is done.
   *
   * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG where there is no way to an API
   */
  static async open({ statefulSets, env, logger }: StatefulSetsOptions): Promise<StatefulSets> {
    // Only for who asks for it: the Kubernetes client takes most of a second to load, and 90 MB.
    const { Cluster, StatefulSetReplicas } = await import("@shardcast/kubernetes");
    const cluster = named(() => new Cluster(env === undefined ? {} : { env }));
    const follow = (service: string, ref: StatefulSetRef) =>
      new StatefulSetReplicas({ cluster, ...ref, logger: logger.child({ service }) });
    return new StatefulSets(
      new Map(Object.entries(statefulSets).map(([service, ref]) => [service, follow(service, ref)])),
    );
  }

  /** Undefined for a service that none was named for. */
  sourceOf(service: string): ReplicaSource | undefined {
    return this.#sources.get(service);
  }

  /** Asks no more; what they said last goes on counting. */
  close(): void {
    for (const source of this.#sources.values()) source.close();
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
