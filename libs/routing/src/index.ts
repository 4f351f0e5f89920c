export type { LaneStrategy, ShardKey } from "./lane.ts";
export { keyBytes, laneOf, moduloLane, murmur2Lane } from "./lane.ts";
export { murmur2 } from "./murmur2.ts";
export { plan } from "./plan.ts";
export type { ShardMap } from "./shard-map.ts";
export { initialMap, lanesOf, ownerOf } from "./shard-map.ts";
