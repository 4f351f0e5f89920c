import type { ReplicaSource } from "@shardcast/control";
import type { Logger } from "pino";
import { followStatefulSet, type StatefulSet, type StatefulSetOptions } from "./stateful-set.ts";

/**
 * How many replicas a StatefulSet is to have, by its `spec.replicas`: undefined until that was read, and what was read last while
 * the API is away, or when the StatefulSet is deleted: that may be a mistake, or the first half of replacing it, and no reason to
 * move lanes. Needs the verbs `list` and `watch` for the one name.
 *
 * Where its ordinals begin (`spec.ordinals.start`) does not matter here: so many are members 0, 1, and so on. Scaled to 0 it
 * says that as well.
 */
export class StatefulSetReplicas implements ReplicaSource {
  readonly #logger: Logger;
  readonly #followed: ReturnType<typeof followStatefulSet>;
  readonly #listeners = new Set<() => void>();
  #replicas: number | undefined;
  /** That there is none was said. */
  #isMissing = false;

  constructor(options: StatefulSetOptions) {
    const { cluster, namespace = cluster.namespace, name } = options;
    this.#logger = options.logger.child({ namespace, statefulSet: name });
    this.#followed = followStatefulSet({ ...options, logger: this.#logger }, (found) => this.#read(found));
  }

  get replicas(): number | undefined {
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
    const wasMissing = this.#isMissing;
    this.#isMissing = found === undefined;
    if (found !== undefined) this.#set(found.replicas);
    else if (!wasMissing)
      this.#logger.warn(
        { replicas: this.#replicas },
        "no such StatefulSet; the replicas stay what they were",
      );
  }

  #set(replicas: number): void {
    if (replicas === this.#replicas) return;
    this.#replicas = replicas;
    this.#logger.info({ replicas }, "replicas wanted");
    for (const listener of [...this.#listeners]) listener();
  }
}
