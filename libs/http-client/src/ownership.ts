import { type Answer, jsonOf } from "./answer.ts";

/** Where a member runs: there if the gateway follows the pods of the service's StatefulSet and knows this one. */
export interface MemberPlace {
  /** Name of the pod. */
  readonly pod?: string;
  readonly podUid?: string;
  /** Of the pod, while cluster DNS leads there. */
  readonly dnsName?: string;
  /** The first of the addresses. */
  readonly address?: string;
  /** IP addresses; none before it has one. */
  readonly addresses?: readonly string[];
  /** The named ports of its containers. */
  readonly ports?: Readonly<Record<string, number>>;
  /** What its readiness probe says. */
  readonly ready?: boolean;
  /** It is being deleted. */
  readonly terminating?: boolean;
}

/** Where a lane belongs, and who has it: while it moves the two differ for a moment. */
export interface LaneOwner {
  readonly lane: number;
  /** The member that the shard map gives it to. */
  readonly ordinal: number;
  /** `free`: nobody has had it yet. `released`: its last owner has finished, and the next one may take it. */
  readonly state: "owned" | "released" | "free";
  /** Who owns it; set, as is the token, where it is owned. */
  readonly member?: string;
  /** Where the owner listens, if it says so. */
  readonly url?: string;
  readonly fencingToken?: number;
}

/** Who has a key's lane, as the gateway knows it. The place is the owner's; while nobody owns the lane, that of `ordinal`. */
export interface Owner extends LaneOwner, MemberPlace {
  readonly service: string;
  /** Of the shard map; 0 while nobody has planned. */
  readonly epoch: number;
  readonly replicas: number;
  /** Milliseconds since the gateway last heard of where members run. */
  readonly discoveryAgeMs?: number;
}

export interface Member extends MemberPlace {
  readonly member: string;
  /** `left`: it stopped in order. `fenced`: it was silent for too long, and its lanes were given to others. */
  readonly state: "up" | "left" | "fenced";
  readonly url?: string;
}

/** Who has what of a service, as the gateway knows it. */
export interface Shards {
  readonly service: string;
  readonly epoch: number;
  readonly replicas: number;
  /** By lane. */
  readonly lanes: readonly LaneOwner[];
  /** Every member there is or was, by name. */
  readonly members: readonly Member[];
  /** Milliseconds since the gateway last heard of where members run. */
  readonly discoveryAgeMs?: number;
}

/** Undefined when it is not the gateway that speaks. */
export function readOwner(answer: Answer): Owner | undefined {
  return answer.status === 200 ? ownerOf(jsonOf(answer)) : undefined;
}

/** The same of all lanes. */
export function readShards(answer: Answer): Shards | undefined {
  return answer.status === 200 ? shardsOf(jsonOf(answer)) : undefined;
}

/** Undefined for what is no owner. */
export function ownerOf(said: object | undefined): Owner | undefined {
  const { key: _key, ...owner } = (said ?? {}) as Owner & { readonly key: string };
  return Number.isInteger(owner.lane) ? owner : undefined;
}

/** The same of all lanes. */
export function shardsOf(said: object | undefined): Shards | undefined {
  const shards = (said ?? {}) as Shards;
  if (!Array.isArray(shards.lanes)) return undefined;
  const lanes = shards.lanes.map(({ lag: _lag, ...lane }: LaneOwner & { readonly lag?: unknown }) => lane);
  return { ...shards, lanes };
}
