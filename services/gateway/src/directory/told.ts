import type { Owner, Shards } from "@shardcast/client";
import type { MemberPods } from "./member-pods.ts";

/** Who has a key's lane and where that is: the answer, and each event. */
export function toldOwner(key: string, owner: Owner, pods: MemberPods | undefined): object {
  const { service, lane, ordinal, epoch, replicas, state, member, url, fencingToken } = owner;
  const where = { service, key, lane, ordinal, epoch, replicas, state, member, url, fencingToken };
  // While nobody owns the lane: of whom the map gives it to. The state says which of them it is.
  return { ...where, ...podOf(member ?? String(ordinal), pods), discoveryAgeMs: ageOf(pods) };
}

/** The same of all lanes, with the members and their pods. @param lag by lane; undefined when it is not known */
export function toldShards(
  { service, epoch, replicas, lanes, members }: Shards,
  lag: readonly number[] | undefined,
  pods: MemberPods | undefined,
): object {
  return {
    ...{ service, epoch, replicas },
    lanes: lanes.map((each) => ({ ...each, lag: lag?.[each.lane] ?? null })),
    members: members.map((each) => ({ ...each, ...podOf(each.member, pods) })),
    discoveryAgeMs: ageOf(pods),
  };
}

/** Nothing where it is not known. */
function podOf(member: string, pods: MemberPods | undefined): object {
  const found = pods?.podOf(member);
  if (found === undefined) return {};
  const { pod, uid: podUid, dnsName, addresses, ports, ready, terminating } = found;
  return { pod, podUid, dnsName, address: addresses[0], addresses, ports, ready, terminating };
}

function ageOf(pods: MemberPods | undefined): number | undefined {
  return pods?.silentMs === undefined ? undefined : Math.round(pods.silentMs);
}
