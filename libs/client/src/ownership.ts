import type { ControlState, LaneState } from "@shardcast/control";
import { ShardcastError } from "@shardcast/protocol";
import { ownerOf, type ShardMap } from "@shardcast/routing";
import type { Route } from "./routes.ts";

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

/** Who has a key's lane, as this process knows it. */
export interface Owner extends LaneOwner {
  readonly service: string;
  /** Of the shard map; 0 while nobody has planned. */
  readonly epoch: number;
  readonly replicas: number;
}

export interface Member {
  readonly member: string;
  /** `left`: it stopped in order. `fenced`: it was silent for too long, and its lanes were given to others. */
  readonly state: "up" | "left" | "fenced";
  readonly url?: string;
}

/** Who has what of a service, as this process knows it. */
export interface Shards {
  readonly service: string;
  readonly epoch: number;
  readonly replicas: number;
  /** By lane; none for a service without durable members, since nobody owns one. */
  readonly lanes: readonly LaneOwner[];
  /** Every member there is or was, by name. */
  readonly members: readonly Member[];
}

export function ownerIn(route: Route, state: ControlState, lane: number): Owner {
  const map = mapOf(route, state);
  if (map === undefined) {
    const detail = `service ${route.service} has no durable members: nobody owns its lanes`;
    throw new ShardcastError("SHARDCAST_INVALID_REQUEST", detail);
  }
  const { epoch, replicas } = map;
  return { service: route.service, epoch, replicas, ...laneOwner(map, state, lane) };
}

export function shardsIn(route: Route, state: ControlState): Shards {
  const map = mapOf(route, state);
  return {
    service: route.service,
    epoch: map?.epoch ?? 0,
    replicas: map?.replicas ?? 0,
    lanes: map === undefined ? [] : route.lanes.map(({ number }) => laneOwner(map, state, number)),
    members: [...state.members()]
      .map(([member, { state, url }]) => ({ member, state, ...(url === undefined ? {} : { url }) }))
      .sort((a, b) => byName.compare(a.member, b.member)),
  };
}

/** `accounts-2` before `accounts-10`. */
const byName = new Intl.Collator("en", { numeric: true });

/** The map that counts: the planned one, or before that the one that everybody computes. */
function mapOf({ service, lanes, initial }: Route, { map = initial }: ControlState): ShardMap | undefined {
  if (map === undefined || map.lanes.length === lanes.length) return map;
  throw new ShardcastError(
    "SHARDCAST_TOPIC_MISMATCH",
    `the shard map of ${service} has ${map.lanes.length} lanes, its topic ${lanes.length}`,
  );
}

function laneOwner(map: ShardMap, state: ControlState, lane: number): LaneOwner {
  return { lane, ordinal: ownerOf(map, lane), ...holding(state.lane(lane)) };
}

function holding(lane: LaneState): Omit<LaneOwner, "lane" | "ordinal"> {
  if (lane.kind !== "owned") return { state: lane.kind };
  const { member, url, token } = lane;
  return { state: "owned", member, fencingToken: token, ...(url === undefined ? {} : { url }) };
}
