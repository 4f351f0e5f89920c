import { Attendance, type Directory } from "@shardcast/control";
import type { Log } from "@shardcast/log";
import { BROADCAST_RETENTION_MS, broadcastTopicsOf } from "@shardcast/protocol";
import type { Logger } from "pino";
import type { Broadcasts } from "./broadcasts.ts";
import { closedError } from "./errors.ts";
import { Follower } from "./follower.ts";
import { Keeper } from "./keeper.ts";
import { KnownBroadcasts } from "./known-broadcasts.ts";
import { pageOf } from "./pages.ts";
import { Publisher } from "./publisher.ts";

export interface BroadcastsOptions {
  readonly service: string;
  /** Put before every topic's name. Default none. */
  readonly topicPrefix?: string;
  /** Who the members are. Stays open, and the caller's. */
  readonly directory: Directory;
  /** R while nobody has planned; 0 for a service without durable members. */
  readonly replicas: number;
  /** How long broadcasts and their acks are kept, milliseconds. Default {@link BROADCAST_RETENTION_MS}. */
  readonly retentionMs?: number;
  /**
   * Also says what no member can say of itself: that it is gone, that a broadcast has expired or was cancelled. For processes
   * that run all the time; several may, and any of them suffices. Default false.
   */
  readonly keeper?: boolean;
  /** An ephemeral member that is silent for so long is not there, milliseconds. Default 5,000. */
  readonly silentMs?: number;
  /** Broadcasts of which not everything final was said; over it none is published (C7). Default 1,000. */
  readonly maxOpen?: number;
  /** Broadcasts that are known (C7). Default 10,000. */
  readonly maxKnown?: number;
  /** What replies may take in memory (C7). Default 64,000,000. */
  readonly maxHeldBytes?: number;
  readonly logger?: Logger;
}

const MAX_OPEN = 1_000;
const MAX_KNOWN = 10_000;
const MAX_HELD_BYTES = 64_000_000;
const SWEEP_MS = 1_000;
/** Dropped at once: the event loop gets its turn in between. */
const SWEPT_AT_ONCE = 1_000;

/**
 * Opens the broadcasts of a service; resolves when it has begun to follow them, not when it knows all of them
 * ({@link Broadcasts.restored}).
 *
 * @throws {ShardcastError} SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_LOG_REFUSED (e.g. there is no topic), SHARDCAST_CLOSED;
 *   SHARDCAST_TOPIC_MISMATCH when the acks have another number of partitions
 */
export async function openBroadcasts(log: Log, options: BroadcastsOptions): Promise<Broadcasts> {
  const {
    service,
    topicPrefix: prefix = "",
    directory,
    replicas,
    keeper = false,
    silentMs,
    logger,
  } = options;
  const { retentionMs = BROADCAST_RETENTION_MS, maxOpen = MAX_OPEN } = options;
  const { maxKnown = MAX_KNOWN, maxHeldBytes = MAX_HELD_BYTES } = options;
  const topics = broadcastTopicsOf(service, { prefix, retentionMs });
  const known = new KnownBroadcasts({ retentionMs, maxKnown, maxHeldBytes, logger });
  const follower = await Follower.open(log, { service, topics, known, logger });
  const attendance = new Attendance(directory, silentMs === undefined ? {} : { silentMs });
  const publisher = new Publisher({
    ...{ log, service, topics, known, follower, directory, attendance, replicas, retentionMs, maxOpen },
  });
  const keeping = keeper
    ? new Keeper({ known, state: directory.state, attendance, say: (word) => publisher.say(word), logger })
    : undefined;
  follower.restored.then(
    () => keeping?.begin(),
    () => {}, // closed before
  );
  const sweep = () => {
    if (closing === undefined && known.dropOld(SWEPT_AT_ONCE)) setImmediate(sweep).unref();
  };
  const sweeping = setInterval(sweep, SWEEP_MS).unref();
  let closing: Promise<void> | undefined;

  async function unlessClosed<T>(work: () => Promise<T>): Promise<T> {
    if (closing !== undefined) throw closedError();
    return work();
  }

  return {
    publish: (draft) => unlessClosed(() => publisher.publish(draft)),
    redrive: (id, redriveOptions) => unlessClosed(() => publisher.redrive(id, redriveOptions)),
    cancel: (id) => unlessClosed(() => publisher.cancel(id)),
    get: (id) => known.get(id)?.state.status,
    list: (query = {}) => pageOf(known.all(), query),
    since: (id, seq) => known.get(id)?.state.since(seq),
    watch: (id, listener) => known.watch(id, listener),
    caughtUp: () => unlessClosed(() => publisher.caughtUp()),
    restored: follower.restored,
    get size() {
      return known.size;
    },
    get dropped() {
      return known.dropped;
    },
    close() {
      clearInterval(sweeping);
      keeping?.end();
      attendance.close();
      closing ??= follower.close();
      return closing;
    },
  };
}
