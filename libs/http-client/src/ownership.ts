import { type Answer, jsonOf } from "./answer.ts";

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

/** Who has a key's lane, as the gateway knows it. */
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

/** Who has what of a service, as the gateway knows it. */
export interface Shards {
  readonly service: string;
  readonly epoch: number;
  readonly replicas: number;
  /** By lane. */
  readonly lanes: readonly LaneOwner[];
  /** Every member there is or was, by name. */
  readonly members: readonly Member[];
}

/** Undefined when it is not the gateway that speaks. */
export function readOwner(answer: Answer): Owner | undefined {
  const said = jsonOf(answer) as (Owner & { readonly key: string }) | undefined;
  if (answer.status !== 200 || !Number.isInteger(said?.lane)) return undefined;
  const { key: _key, ...owner } = said as Owner & { readonly key: string };
  return owner;
}

/** The same of all lanes. */
export function readShards(answer: Answer): Shards | undefined {
  const said = jsonOf(answer) as Shards | undefined;
  if (answer.status !== 200 || !Array.isArray(said?.lanes)) return undefined;
  const { service, epoch, replicas, members } = said;
  const lanes = said.lanes.map(({ lag: _lag, ...lane }: LaneOwner & { readonly lag?: unknown }) => lane);
  return { service, epoch, replicas, lanes, members };
}
