import { murmur2Lane } from "@shardcast/routing";
import { LANES } from "./cluster.ts";

/** The first `count` keys of a lane: `<prefix>-0`, `<prefix>-1`, … without those that fall on other lanes. */
export function keysOfLane(lane: number, count: number, prefix: string): string[] {
  const keys: string[] = [];
  for (let i = 0; keys.length < count; i++) {
    const key = `${prefix}-${i}`;
    if (murmur2Lane(key, LANES) === lane) keys.push(key);
  }
  return keys;
}
