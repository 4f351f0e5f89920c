import { assertServiceName } from "./names.ts";

export type CleanupPolicy = "delete" | "compact" | "compact,delete";

/** What a topic has to look like. */
export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  readonly cleanup: CleanupPolicy;
  /** Retention, milliseconds; the broker's default where absent. Set at creation only: operators may change it. */
  readonly retentionMs?: number;
  /**
   * Closes a segment after so many milliseconds or bytes, so that compaction can begin; the broker's defaults where
   * absent. Set at creation only.
   */
  readonly segmentMs?: number;
  readonly segmentBytes?: number;
  /** Leaves records of this age, milliseconds, alone when it compacts. Set at creation only. */
  readonly minCompactionLagMs?: number;
}

export interface ServiceTopics {
  /** Requests, cancels and keyed events; partitions are the lanes. */
  readonly requests: TopicSpec;
  /** Replies to callers that wait. A caller listens to one partition. */
  readonly replies: TopicSpec;
  /**
   * How requests ended that are recorded; aligned with the lanes. Only deleted, never compacted: what is older than its
   * retention is of no use, and compaction would keep the last record of a request, whoever wrote it.
   */
  readonly results: TopicSpec;
  /** Requests given up, with why; aligned with the lanes. */
  readonly dead: TopicSpec;
  /** Shard map, owner of each lane, members: one partition, so that all of it is in one order for everybody. */
  readonly control: TopicSpec;
}

export interface TopicOptions {
  /** P, the number of lanes. */
  readonly lanes: number;
  /** Put before every topic's name, e.g. `prod.`; letters, digits, `.`, `_` and `-`. */
  readonly prefix?: string;
  /** How long results are kept, milliseconds. Default {@link RESULT_RETENTION_MS}. */
  readonly resultRetentionMs?: number;
}

/** Partitions of `S.replies`: callers spread over them by a hash of their instance id. */
export const REPLY_PARTITIONS = 16;

/** Partitions of `S.acks`; a broadcast's id says which one is its own (`laneOfRequestId`). */
export const ACK_PARTITIONS = 4;

export interface BroadcastTopics {
  /** Notify-all jobs: one partition, so that all of them are in one order for everybody. */
  readonly broadcast: TopicSpec;
  /**
   * What members and gateways say of broadcasts. Only deleted, never compacted: of one member's words the first that is final
   * counts, and compaction would keep the last.
   */
  readonly acks: TopicSpec;
}

const HOUR_MS = 3_600_000;
/** One day. */
export const RESULT_RETENTION_MS = 24 * HOUR_MS;
/** One day: the longest that a broadcast may wait for members that are down, and how long it is known what came of it. */
export const BROADCAST_RETENTION_MS = 24 * HOUR_MS;
/** Kafka deletes whole segments: a small part of the retention each. */
const SEGMENTS_PER_RETENTION = 12;

/** What a service is called on the log where no topic is meant: the consumer group of its progress, and its sessions. */
export function groupOf(service: string, prefix = ""): string {
  return `${prefix}${service}`;
}

/** The topics of a service, as design.md lists them. Throws SHARDCAST_INVALID_REQUEST for a bad service name. */
export function topicsOf(
  service: string,
  { lanes, prefix = "", resultRetentionMs = RESULT_RETENTION_MS }: TopicOptions,
): ServiceTopics {
  assertServiceName(service);
  const base = `${prefix}${service}`;
  return {
    requests: { name: `${base}.requests`, partitions: lanes, cleanup: "delete" },
    replies: {
      name: `${base}.replies`,
      partitions: REPLY_PARTITIONS,
      cleanup: "delete",
      retentionMs: HOUR_MS,
    },
    // Heartbeats come all the time, and who starts reads everything there is: segments are short, so that what is older
    // than a few minutes is compacted. The lag keeps the order of claims for late readers (docs/decisions/010).
    control: {
      name: `${base}.control`,
      partitions: 1,
      cleanup: "compact",
      segmentMs: 5 * 60_000,
      segmentBytes: 4_194_304,
      minCompactionLagMs: 5 * 60_000,
    },
    results: {
      name: `${base}.results`,
      partitions: lanes,
      cleanup: "delete",
      retentionMs: resultRetentionMs,
      segmentMs: Math.ceil(resultRetentionMs / SEGMENTS_PER_RETENTION),
    },
    dead: { name: `${base}.dead`, partitions: lanes, cleanup: "delete", retentionMs: 30 * 24 * HOUR_MS },
  };
}

/** The topics of a service's broadcasts. Throws SHARDCAST_INVALID_REQUEST for a bad service name. */
export function broadcastTopicsOf(
  service: string,
  {
    prefix = "",
    retentionMs = BROADCAST_RETENTION_MS,
  }: { readonly prefix?: string; readonly retentionMs?: number } = {},
): BroadcastTopics {
  assertServiceName(service);
  const base = `${prefix}${service}`;
  const kept = {
    cleanup: "delete",
    retentionMs,
    segmentMs: Math.ceil(retentionMs / SEGMENTS_PER_RETENTION),
  } as const;
  return {
    broadcast: { name: `${base}.broadcast`, partitions: 1, ...kept },
    acks: { name: `${base}.acks`, partitions: ACK_PARTITIONS, ...kept },
  };
}

/** Whose progress on `S.broadcast` this is: the consumer group of one member, so that Kafka's own tools show who is behind. */
export function broadcastGroupOf(service: string, member: string, prefix = ""): string {
  return `${groupOf(service, prefix)}.broadcast.${member}`;
}
