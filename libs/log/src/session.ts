import type { AppendRecord } from "./append-record.ts";

export interface SessionOptions {
  /** The service; progress is committed under this name as the consumer group, so Kafka's own tools show it. */
  readonly service: string;
  /** Whose session it is, e.g. a StatefulSet ordinal. At most one session of a name writes at a time. */
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

/** Kafka takes 4,096 bytes by default (`offset.metadata.max.bytes`); some are left for whoever comes later. */
export const MAX_METADATA_BYTES = 4000;

/** What one commit writes, all of it or nothing. */
export interface CommitWork {
  readonly progress?: readonly LaneProgress[];
  readonly records?: readonly AppendRecord[];
}

export type CommitOutcome =
  /** Offsets of the records, in the order they were given. */
  | { readonly kind: "committed"; readonly offsets: readonly number[] }
  /**
   * Nothing was written, and this session is over: another one of its name was opened. Seldom that was an attempt of
   * our own, given up without an answer and carried out late; who has replaced us is told by what is on the log.
   */
  | { readonly kind: "fenced" }
  /**
   * Not known to be written, and this session is over. Opening the next one of its name settles it: when `openSession`
   * resolves, the work is either visible to everybody or never will be.
   */
  | { readonly kind: "broken"; readonly cause: unknown };

/**
 * The right to write in a member's name, until the next session of that name is opened (C2). Ends with the first commit
 * that does not succeed; whoever goes on opens another.
 */
export interface MemberSession {
  /**
   * Commits progress and records together. One at a time: a second call waits for the first. Empty work commits as
   * well, and so finds out whether the session still holds.
   *
   * A commit that begins after another one has resolved sees to it that the earlier one is visible to everybody before
   * its own records are.
   *
   * @throws {RangeError} metadata that is too long or not ASCII, or no offset
   * @throws {ShardcastError} SHARDCAST_CLOSED; SHARDCAST_BODY_TOO_LARGE when a record does not fit, the session then
   *   goes on
   */
  commit(work: CommitWork): Promise<CommitOutcome>;

  /** Ends the session without committing. Idempotent. */
  close(): Promise<void>;
}
