export type { ClusterOptions } from "./cluster.ts";
export { Cluster } from "./cluster.ts";
export type { FollowTimes } from "./followed.ts";
export type { MemberPod } from "./member-view.ts";
export type { StatefulSetOptions } from "./stateful-set.ts";
export type { StatefulSetPodsOptions } from "./stateful-set-pods.ts";
export { StatefulSetPods } from "./stateful-set-pods.ts";
export { StatefulSetReplicas } from "./stateful-set-replicas.ts";
