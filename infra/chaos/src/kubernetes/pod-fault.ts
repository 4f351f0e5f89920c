/** What is done to pods, by kubectl or from below. Times in milliseconds. */
export type PodFault =
  /** `kubectl scale`. */
  | { readonly kind: "scale"; readonly replicas: number }
  /** `kubectl rollout restart`: of all, of the highest ordinal before the others (a partition), or of whom somebody deletes. */
  | { readonly kind: "rollout"; readonly how: RollOut }
  /** `kubectl delete pod --force`, one of those there are: the pick is taken modulo their number. */
  | { readonly kind: "delete-pod"; readonly pick: number }
  /** The API server is killed and started again, while the next fault is carried out. */
  | { readonly kind: "restart-api"; readonly downMs: number }
  /** A node loses its power, and comes back. */
  | { readonly kind: "lose-node"; readonly pick: number; readonly downMs: number }
  /** A node stands still, and goes on: its processes are zombies. */
  | { readonly kind: "freeze-node"; readonly pick: number; readonly forMs: number };

export const ROLL_OUTS = ["all", "partition", "on-delete"] as const;
export type RollOut = (typeof ROLL_OUTS)[number];

export type PodFaultKind = PodFault["kind"];

export const POD_FAULTS: readonly PodFaultKind[] = [
  "scale",
  "rollout",
  "delete-pod",
  "restart-api",
  "lose-node",
  "freeze-node",
];

export function isPodFaultKind(text: string): text is PodFaultKind {
  return (POD_FAULTS as readonly string[]).includes(text);
}
