/** What is known of the pod of a member, for who goes there himself. */
export interface MemberPod {
  readonly pod: string;
  readonly uid: string;
  readonly dnsName: string | undefined;
  /** Its IP addresses, the preferred one first; none before it has some. */
  readonly addresses: readonly string[];
  /** By name. */
  readonly ports: Readonly<Record<string, number>>;
  readonly ready: boolean;
  readonly terminating: boolean;
}

/** The pods of a service's members. */
export interface MemberPods {
  podOf(member: string): MemberPod | undefined;
  /** Milliseconds since who knows the pods last said something; undefined before. */
  readonly silentMs: number | undefined;
  /** Calls the listener when a pod may have changed, until the returned function is called. */
  watch(listener: () => void): () => void;
}
