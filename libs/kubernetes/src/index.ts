export type { ClusterOptions } from "./cluster.ts";
export { Cluster } from "./cluster.ts";
export type { FollowTimes } from "./followed.ts";
export type { StatefulSetReplicasOptions } from "./stateful-set-replicas.ts";
export { StatefulSetReplicas } from "./stateful-set-replicas.ts";
