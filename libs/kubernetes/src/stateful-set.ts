import type { Logger } from "pino";
import type { Cluster } from "./cluster.ts";
import { Followed, type FollowTimes } from "./followed.ts";
import type { Resource } from "./resource.ts";
import { type LabelSelector, labelSelectorOf } from "./selection.ts";

/** What the API says of a StatefulSet, as far as we read it. */
interface RawStatefulSet extends Resource {
  readonly spec?: {
    readonly replicas?: number;
    readonly ordinals?: { readonly start?: number };
    readonly serviceName?: string;
    readonly selector?: LabelSelector;
  };
}

export interface StatefulSet {
  readonly replicas: number;
  /** The ordinal of member 0. */
  readonly start: number;
  /** Of the Service that names its pods; undefined where there is none. */
  readonly serviceName: string | undefined;
  /** Finds its pods, and maybe others. */
  readonly labelSelector: string;
}

export interface StatefulSetOptions {
  readonly cluster: Cluster;
  /** Default: the cluster's own. */
  readonly namespace?: string;
  readonly name: string;
  readonly logger: Logger;
  readonly times?: Partial<FollowTimes>;
}

/** Follows the one StatefulSet of that name. Needs the verbs `list` and `watch` for that name alone. */
export function followStatefulSet(
  { cluster, namespace = cluster.namespace, name, logger, times = {} }: StatefulSetOptions,
  onChange: (found: StatefulSet | undefined) => void,
): Followed<RawStatefulSet, StatefulSet> {
  return new Followed<RawStatefulSet, StatefulSet>({
    ...{ cluster, times, logger, trim },
    path: `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/statefulsets`,
    query: { fieldSelector: `metadata.name=${name}` },
    onChange: (items) => onChange(items.get(name)),
  });
}

function trim({ spec = {} }: RawStatefulSet): StatefulSet {
  const { replicas = 1, ordinals, serviceName, selector = {} } = spec;
  return {
    ...{ replicas, start: ordinals?.start ?? 0 },
    // Empty where nobody gave one.
    serviceName: serviceName || undefined,
    labelSelector: labelSelectorOf(selector),
  };
}
