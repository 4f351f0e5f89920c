export type { MemoryClusterOptions } from "./memory-cluster.ts";
export { MemoryCluster } from "./memory-cluster.ts";
export type { MemoryLogOptions } from "./memory-log.ts";
export { createMemoryLog } from "./memory-log.ts";
