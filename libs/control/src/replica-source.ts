/** How many replicas a service is to have. */
export interface ReplicaSource {
  /** 0 while that is not known: then nothing is planned. */
  readonly replicas: number;
  /** Calls the listener when the number may have changed, until the returned function is called. */
  watch(listener: () => void): () => void;
}

/** A number that never changes. */
export function fixedReplicas(replicas: number): ReplicaSource {
  return { replicas, watch: () => () => undefined };
}
