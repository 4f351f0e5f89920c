import type { ReplicaSource } from "@shardcast/control";
import type { Logger } from "pino";
import type { Cluster } from "./cluster.ts";
import { Followed, type FollowTimes } from "./followed.ts";
import type { Resource } from "./resource.ts";

/** What we read of a StatefulSet. */
interface StatefulSet extends Resource {
  readonly spec?: { readonly replicas?: number; readonly ordinals?: { readonly start?: number } };
}

export interface StatefulSetReplicasOptions {
  readonly cluster: Cluster;
  /** Default: the cluster's own. */
  readonly namespace?: string;
  readonly name: string;
  readonly logger: Logger;
  readonly times?: Partial<FollowTimes>;
}

/**
 * How many replicas a StatefulSet is to have, by its `spec.replicas`: 0 until that was read, and what was read last while the
 * API is away, or when the StatefulSet is deleted: that may be a mistake, or the first half of replacing it, and no reason to
 * move lanes. Needs the verbs `list` and `watch` for the one name.
 *
 * Members are numbered from 0 on: with `spec.ordinals.start` it logs an error and says 0, not known. Scaled to 0 it says that
 * as well: with nobody to give lanes to they stay where they are.
 */
export class StatefulSetReplicas implements ReplicaSource {
  readonly #name: string;
  readonly #logger: Logger;
  readonly #followed: Followed<StatefulSet>;
  readonly #listeners = new Set<() => void>();
  #replicas = 0;
  /** What keeps it from being known, and was said. */
  #fault: string | undefined;

  constructor({
    cluster,
    namespace = cluster.namespace,
    name,
    logger,
    times = {},
  }: StatefulSetReplicasOptions) {
    this.#name = name;
    this.#logger = logger.child({ namespace, statefulSet: name });
    this.#followed = new Followed<StatefulSet>({
      ...{ cluster, times, logger: this.#logger },
      path: `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/statefulsets`,
      fieldSelector: `metadata.name=${name}`,
      onChange: (items) => this.#read(items.get(name)),
    });
  }

  get replicas(): number {
    return this.#replicas;
  }

  /** Milliseconds since the API server last said something; undefined when it never has. */
  get silentMs(): number | undefined {
    return this.#followed.silentMs;
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Asks no more; what was read last goes on counting. */
  close(): void {
    this.#followed.close();
  }

  #read(found: StatefulSet | undefined): void {
    if (found === undefined) {
      this.#say("warn", "no such StatefulSet; the replicas stay what they were");
      return;
    }
    const { replicas = 1, ordinals } = found.spec ?? {};
    const start = ordinals?.start ?? 0;
    if (start === 0) this.#fault = undefined;
    else this.#say("error", `its ordinals begin at ${start}, and members at 0: nothing is planned for it`);
    this.#set(start === 0 ? replicas : 0);
  }

  #set(replicas: number): void {
    if (replicas === this.#replicas) return;
    this.#replicas = replicas;
    this.#logger.info({ replicas }, "replicas wanted");
    for (const listener of [...this.#listeners]) listener();
  }

  #say(level: "warn" | "error", fault: string): void {
    if (fault !== this.#fault) this.#logger[level]({ replicas: this.#replicas, name: this.#name }, fault);
    this.#fault = fault;
  }
}
