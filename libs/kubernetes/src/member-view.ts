import { isDeepStrictEqual } from "node:util";
import type { Pod } from "./pod.ts";
import type { StatefulSet } from "./stateful-set.ts";

/** A member's pod, as the API last said. */
export interface MemberPod {
  /** What the worker in it calls itself: its ordinal from `spec.ordinals.start` on, `2`. */
  readonly member: string;
  /** `accounts-2`. */
  readonly pod: string;
  readonly uid: string;
  readonly namespace: string;
  /** Undefined until it is scheduled. */
  readonly node: string | undefined;
  /** Its IPs in the API's order, the cluster's first family first; empty until it has one. */
  readonly addresses: readonly string[];
  /** `accounts-2.accounts.bank.svc.cluster.local`, while cluster DNS leads there and nowhere else. */
  readonly dnsName: string | undefined;
  /** The container ports that have names. */
  readonly ports: Readonly<Record<string, number>>;
  /** Its own Ready condition, also while it terminates. */
  readonly ready: boolean;
  /** It is being deleted, and has its grace period. */
  readonly terminating: boolean;
  /** Which of the StatefulSet's revisions it was made from (`controller-revision-hash`). */
  readonly revision: string | undefined;
}

/** What a view is made of. */
export interface Seen {
  readonly namespace: string;
  readonly name: string;
  readonly clusterDomain: string;
  readonly set: StatefulSet;
  readonly pods: ReadonlyMap<string, Pod>;
  /** Uids; none where the StatefulSet has no Service. */
  readonly published: ReadonlySet<string>;
}

interface Made {
  readonly from: Pod;
  readonly pod: MemberPod;
}

/** The members' pods at one moment. */
export interface MemberView {
  /** By ordinal. */
  readonly pods: readonly MemberPod[];
  /** In the same order. */
  readonly byMember: ReadonlyMap<string, Made>;
}

export const EMPTY_VIEW: MemberView = { pods: [], byMember: new Map() };

/** What is seen now. Pods that did not change are the same objects as before, and the view as well if none did. */
export function viewOf(seen: Seen, before: MemberView): MemberView {
  const { set } = seen;
  const found = [...seen.pods.values()]
    .flatMap((pod) => {
      const ordinal = ordinalOf(pod, seen.name);
      // Below the start are those of before it was moved: no members, and soon deleted.
      return ordinal === undefined || ordinal < set.start ? [] : [{ pod, member: ordinal - set.start }];
    })
    .sort((a, b) => a.member - b.member);
  const byMember = new Map(
    found.map(({ pod, member }) => {
      const key = String(member);
      return [key, made(pod, key, seen, before.byMember.get(key))];
    }),
  );
  const pods = [...byMember.values()].map(({ pod }) => pod);
  const isSame = pods.length === before.pods.length && pods.every((pod, index) => pod === before.pods[index]);
  return { pods: isSame ? before.pods : pods, byMember };
}

function made(from: Pod, member: string, seen: Seen, before: Made | undefined): Made {
  const { pod: name, uid, node, addresses, ports, ready, terminating, revision } = from;
  const { namespace, clusterDomain, set, published } = seen;
  const dnsName = published.has(uid)
    ? `${name}.${set.serviceName}.${namespace}.svc.${clusterDomain}`
    : undefined;
  // Most pods, at most events.
  if (before?.from === from && before.pod.dnsName === dnsName) return before;
  const pod: MemberPod = {
    ...{ member, pod: name, uid, namespace, node, addresses, dnsName },
    ...{ ports, ready, terminating, revision },
  };
  return { from, pod: before !== undefined && isDeepStrictEqual(before.pod, pod) ? before.pod : pod };
}

/**
 * Undefined for a pod that is not the StatefulSet's. Its name says whose it is, for no two pods have one name; who controls it must
 * not say otherwise. By name as well and not by uid: after `--cascade=orphan` the pods live on with no controller, then with the
 * next StatefulSet of that name.
 */
function ordinalOf({ pod, controller }: Pod, name: string): number | undefined {
  if (controller !== undefined && controller !== `StatefulSet/${name}`) return undefined;
  const ordinal = pod.startsWith(`${name}-`) ? pod.slice(name.length + 1) : "";
  return /^(0|[1-9]\d*)$/.test(ordinal) ? Number(ordinal) : undefined;
}
