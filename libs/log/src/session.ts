export interface SessionOptions {
  /** The service; progress is committed under this name as the consumer group, so Kafka's own tools show it. */
  readonly service: string;
  /** The member's identity, e.g. a StatefulSet ordinal. */
  readonly member: string;
  /** The topic whose partitions are the lanes. */
  readonly topic: string;
}

/** How far a lane is done. */
export interface LaneProgress {
  readonly lane: number;
  /** The low-water mark: everything below it is done. */
  readonly offset: number;
  /** What is done above it, opaque to the log; at most {@link MAX_METADATA_BYTES} bytes of ASCII. */
  readonly metadata: string;
}

/** Kafka takes 4,096 bytes by default (`offset.metadata.max.bytes`); a driver may need some of them itself. */
export const MAX_METADATA_BYTES = 4000;

export type CommitOutcome =
  | { readonly kind: "committed" }
  /** A newer session of this member exists: this one is over (C2). */
  | { readonly kind: "fenced" }
  /** Not known to be committed; the session goes on, commit again later. */
  | { readonly kind: "unavailable"; readonly cause: unknown };

/**
 * A member's hold on its lanes, and the only way to record progress. Leases, owner records and fencing tokens
 * belong behind this interface; here ownership is static, and a session is fenced by the next one of its member.
 */
export interface MemberSession {
  /**
   * Takes a lane: from now on this session commits its progress. Resolves to what was committed last, or to the
   * beginning of the lane.
   *
   * @throws {ShardcastError} SHARDCAST_FENCED, SHARDCAST_LOG_UNAVAILABLE
   */
  take(lane: number): Promise<LaneProgress>;

  /**
   * Commits the progress of taken lanes, all or nothing. One at a time: a second call waits for the first. With no
   * lanes it only finds out whether the session still holds.
   */
  commit(progress: readonly LaneProgress[]): Promise<CommitOutcome>;

  /** Commits the last progress of these lanes and, when that is committed, lets go of them. */
  giveUp(progress: readonly LaneProgress[]): Promise<CommitOutcome>;

  /** Ends the session without committing. Idempotent. */
  close(): Promise<void>;
}
