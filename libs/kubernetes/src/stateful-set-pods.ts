import type { Logger } from "pino";
import { type PublishedPods, type RawEndpointSlice, trimSlice } from "./endpoint-slice.ts";
import { EMPTY_VIEW, type MemberPod, type MemberView, viewOf } from "./member-view.ts";
import { type Pod, type RawPod, trimPod } from "./pod.ts";
import { Selected } from "./selected.ts";
import { followStatefulSet, type StatefulSet, type StatefulSetOptions } from "./stateful-set.ts";

export interface StatefulSetPodsOptions extends StatefulSetOptions {
  /** What names of Services end in. Default `cluster.local`. */
  readonly clusterDomain?: string;
}

/**
 * The pods of a StatefulSet, by the members that run in them: none until they were read, and those that were read last while the API
 * is away. When the StatefulSet itself is deleted its pods are followed on: they may outlive it, and be the next one's.
 *
 * Needs the verbs `list` and `watch` for the StatefulSet's name, for `pods` and for `endpointslices` (discovery.k8s.io) of the
 * namespace. Without the last no pod has a DNS name, and all else is known.
 */
export class StatefulSetPods {
  readonly #logger: Logger;
  readonly #names: { readonly namespace: string; readonly name: string; readonly clusterDomain: string };
  readonly #followed: ReturnType<typeof followStatefulSet>;
  readonly #pods: Selected<RawPod, Pod>;
  readonly #slices: Selected<RawEndpointSlice, PublishedPods>;
  readonly #listeners = new Set<() => void>();
  #set: StatefulSet | undefined;
  #isMissing = false;
  #view: MemberView = EMPTY_VIEW;
  #isStale = false;
  /** What listeners were told of last. */
  #told: readonly MemberPod[] = EMPTY_VIEW.pods;
  #telling: NodeJS.Immediate | undefined;

  constructor(options: StatefulSetPodsOptions) {
    const {
      cluster,
      namespace = cluster.namespace,
      name,
      clusterDomain = "cluster.local",
      times = {},
    } = options;
    const logger = options.logger.child({ namespace, statefulSet: name });
    const inNamespace = `namespaces/${encodeURIComponent(namespace)}`;
    const onChange = () => this.#changed();
    this.#logger = logger;
    this.#names = { namespace, name, clusterDomain };
    this.#pods = new Selected({
      ...{ cluster, logger, times, onChange },
      path: `/api/v1/${inNamespace}/pods`,
      trim: trimPod,
    });
    this.#slices = new Selected({
      ...{ cluster, logger, times, onChange },
      path: `/apis/discovery.k8s.io/v1/${inNamespace}/endpointslices`,
      trim: trimSlice,
    });
    this.#followed = followStatefulSet({ ...options, logger }, (found) => this.#read(found));
  }

  /** By ordinal. The same array as long as nothing changes. */
  pods(): readonly MemberPod[] {
    return this.#look().pods;
  }

  podOf(member: string): MemberPod | undefined {
    return this.#look().byMember.get(member)?.pod;
  }

  /**
   * Milliseconds since the API server last said something of what it was silent about for longest; undefined while the StatefulSet,
   * its pods or their EndpointSlices were never read.
   */
  get silentMs(): number | undefined {
    // Before, nobody knows which pods and slices there are.
    if (this.#set === undefined) return undefined;
    const all = [this.#followed.silentMs, this.#pods.silentMs, this.#slices.silentMs];
    const known = all.filter((silentMs) => silentMs !== undefined);
    return known.length === all.length ? Math.max(...known) : undefined;
  }

  /** Calls the listener when something of what `pods()` says has changed, until the returned function is called. */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Asks and tells nothing more; what was read last can still be had. */
  close(): void {
    clearImmediate(this.#telling);
    this.#followed.close();
    this.#pods.close();
    this.#slices.close();
  }

  #read(found: StatefulSet | undefined): void {
    const wasMissing = this.#isMissing;
    this.#isMissing = found === undefined;
    if (found === undefined) {
      if (!wasMissing) this.#logger.warn("no such StatefulSet; pods are those that were its own");
      return;
    }
    this.#set = found;
    this.#pods.select(found.labelSelector);
    this.#slices.select(found.serviceName && `kubernetes.io/service-name=${found.serviceName}`);
    this.#changed();
  }

  /** Many changes that come at once are looked at once. */
  #changed(): void {
    this.#isStale = true;
    this.#telling ??= setImmediate(() => {
      this.#telling = undefined;
      this.#tell();
    });
  }

  #tell(): void {
    const { pods } = this.#look();
    if (pods === this.#told) return;
    this.#told = pods;
    for (const listener of [...this.#listeners]) listener();
  }

  #look(): MemberView {
    if (!this.#isStale || this.#set === undefined) return this.#view;
    this.#isStale = false;
    const published = new Set([...this.#slices.items.values()].flat());
    const seen = { ...this.#names, set: this.#set, pods: this.#pods.items, published };
    this.#view = viewOf(seen, this.#view);
    return this.#view;
  }
}
