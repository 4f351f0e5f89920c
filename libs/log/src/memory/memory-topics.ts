import { ShardcastError, type TopicSpec } from "@shardcast/protocol";
import type { MemoryCluster } from "./memory-cluster.ts";

/** Creates what is missing; throws SHARDCAST_TOPIC_MISMATCH with every fault, and then creates nothing. */
export function ensureMemoryTopics(cluster: MemoryCluster, specs: readonly TopicSpec[]): void {
  const faults = specs.flatMap((spec) => faultsOf(spec, cluster.specOf(spec.name)));
  if (faults.length > 0) {
    throw new ShardcastError("SHARDCAST_TOPIC_MISMATCH", faults.join("; "), { extensions: { faults } });
  }
  for (const spec of specs) if (cluster.specOf(spec.name) === undefined) cluster.createTopic(spec);
}

/** Retention is not compared: it is set at creation only, operators may change it. */
function faultsOf(wanted: TopicSpec, found: TopicSpec | undefined): string[] {
  if (found === undefined) return [];
  const faults: string[] = [];
  if (found.partitions !== wanted.partitions) {
    faults.push(`topic ${wanted.name} has ${found.partitions} partitions, wanted ${wanted.partitions}`);
  }
  if (found.cleanup !== wanted.cleanup) {
    faults.push(`topic ${wanted.name} has cleanup policy ${found.cleanup}, wanted ${wanted.cleanup}`);
  }
  return faults;
}
