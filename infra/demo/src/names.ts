import { murmur2Lane } from "@shardcast/routing";
import { REPLICAS } from "./replica.ts";

const NAMES = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory"];
const MORE = ["niaj", "olivia", "peggy", "rupert", "sybil", "trent", "victor", "walter", "yolanda", "zoe"];

export function laneOfKey(key: string): number {
  return murmur2Lane(key, REPLICAS);
}

/** Account names that lie on a lane, always the same ones. */
export function namesOn(lane: number, count: number, suffix = ""): string[] {
  return [...NAMES, ...MORE]
    .map((name) => name + suffix)
    .filter((name) => laneOfKey(name) === lane)
    .slice(0, count);
}

/** Cents as people write money. */
export function money(cents: number): string {
  return (cents / 100).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}
