/** How many replicas a service is to have. */
export interface ReplicaSource {
  /**
   * Undefined while that is not known: then the last map's number counts, and before there is a map nothing is planned. 0 is a
   * number: with nobody to give lanes to they stay where they are.
   */
  readonly replicas: number | undefined;
  /** Calls the listener when the number may have changed, until the returned function is called. */
  watch(listener: () => void): () => void;
}

/** A number that never changes. */
export function fixedReplicas(replicas: number): ReplicaSource {
  return { replicas, watch: () => () => undefined };
}
