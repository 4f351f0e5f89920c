import type {
  AppendRecord,
  LaneProgress,
  Log,
  LogReader,
  MemberSession,
  OffsetRange,
  ReaderOptions,
  SessionOptions,
} from "@shardcast/log";
import { ShardcastError, type TopicSpec } from "@shardcast/protocol";
import { type Logger, pino } from "pino";
import { AdminClient } from "./admin-client.ts";
import { AppendRouter } from "./append-router.ts";
import { Availability } from "./availability.ts";
import { bounded } from "./bounded.ts";
import { classify, toShardcastError } from "./classify.ts";
import { linkOpener, type OpenLink } from "./link.ts";
import { Metadata } from "./metadata.ts";
import { offsetsOf, progressOf, rangesOf } from "./offsets.ts";
import { type KafkaLogOptions, type ResolvedKafkaOptions, resolveKafkaOptions } from "./options.ts";
import { KafkaReader } from "./reader.ts";
import { sizeWithin } from "./request-size.ts";
import { KafkaSession } from "./session.ts";
import { ensureTopics } from "./topics.ts";
import { uncommittedAdmin } from "./uncommitted-admin.ts";

/** Leaving waits for answers; a broker that is away must not keep a process from ending. */
const DRAIN_TIMEOUT_MS = 5_000;

/**
 * The log on Apache Kafka. Does not wait for a broker: the first call does.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG naming every option and variable at fault
 */
export function createKafkaLog(
  options: KafkaLogOptions = {},
  env: Readonly<Record<string, string | undefined>> = process.env,
): Log {
  const logger = options.logger ?? pino({ name: "shardcast", level: "warn" });
  return new KafkaLog(resolveKafkaOptions(options, env), logger);
}

class KafkaLog implements Log {
  readonly #options: ResolvedKafkaOptions;
  readonly #logger: Logger;
  readonly #openLink: OpenLink;
  readonly #admin: AdminClient;
  /** Asks for offsets beyond what is committed. */
  readonly #uncommittedAdmin: AdminClient;
  /** Bounds one request with a connection before it. */
  readonly #callTimeoutMs: number;
  readonly #metadata: Metadata;
  readonly #router: AppendRouter;
  readonly #availability: Availability;
  readonly #open = new Set<LogReader | MemberSession>();
  #closing: Promise<void> | undefined;

  constructor(options: ResolvedKafkaOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
    this.#callTimeoutMs = options.connectTimeoutMs + 2 * options.requestTimeoutMs;
    this.#openLink = linkOpener(options, logger);
    this.#admin = new AdminClient(this.#openLink, this.#callTimeoutMs);
    this.#uncommittedAdmin = new AdminClient(this.#openLink, this.#callTimeoutMs, uncommittedAdmin);
    this.#metadata = new Metadata(this.#admin);
    this.#availability = new Availability({
      logger,
      unavailableAfterMs: options.unavailableAfterMs,
      probe: async () => {
        await this.#admin.call("probe", (admin) => admin.describeCluster());
      },
      onChange: (available) => this.#onAvailability(available),
    });
    this.#router = new AppendRouter({
      openLink: this.#openLink,
      metadata: this.#metadata,
      attempts: options.appendAttempts,
      attemptTimeoutMs: this.#callTimeoutMs,
      maxRecordBytes: options.maxRecordBytes,
      maxQueuedBytes: options.maxQueuedBytes,
      onUnavailable: () => this.#availability.suspect(),
    });
  }

  get available(): boolean {
    return this.#closing === undefined && this.#availability.available;
  }

  async ensureTopics(specs: readonly TopicSpec[]): Promise<void> {
    this.#assertUsable();
    await ensureTopics(this.#admin, specs, this.#options.replicationFactor);
  }

  async partitionsOf(topic: string): Promise<number | undefined> {
    this.#assertUsable();
    return this.#metadata.partitionsOf(topic);
  }

  async rangesOf(topic: string): Promise<readonly OffsetRange[]> {
    this.#assertUsable();
    return rangesOf(this.#uncommittedAdmin, topic);
  }

  async progressOf(service: string, topic: string): Promise<ReadonlyMap<number, LaneProgress>> {
    this.#assertUsable();
    return progressOf(this.#admin, service, topic);
  }

  assertFits(record: AppendRecord): void {
    sizeWithin(this.#options.maxRecordBytes, record);
  }

  append(record: AppendRecord): Promise<{ readonly offset: number }> {
    if (this.#closing !== undefined) return Promise.reject(closed());
    if (!this.#availability.available) return Promise.reject(this.#away());
    return this.#router.append(record);
  }

  async openReader(options: ReaderOptions): Promise<LogReader> {
    this.#assertUsable();
    // "Latest" is what the reader could have seen by now: what is committed later must not be missed.
    const admin = options.isolation === "uncommitted" ? this.#uncommittedAdmin : this.#admin;
    const reader = await KafkaReader.open(
      {
        openLink: this.#openLink,
        sessionTimeoutMs: this.#options.sessionTimeoutMs,
        logger: this.#logger,
        offsetsOf: async (topic, partition) => {
          this.#assertUsable();
          return offsetsOf(admin, topic, partition);
        },
        onUnavailable: () => this.#availability.suspect(),
        onClosed: (closed) => this.#open.delete(closed),
      },
      options,
    );
    return this.#track(reader);
  }

  async openSession(options: SessionOptions): Promise<MemberSession> {
    this.#assertUsable();
    const session = await KafkaSession.open(
      {
        openLink: this.#openLink,
        callTimeoutMs: this.#callTimeoutMs,
        maxBatchBytes: this.#options.maxRecordBytes,
        assertFits: (record) => this.assertFits(record),
        assertUsable: () => this.#assertUsable(),
        onUnavailable: () => this.#availability.suspect(),
        logger: this.#logger,
        onClosed: (closed) => this.#open.delete(closed),
      },
      options,
    );
    return this.#track(session);
  }

  close(): Promise<void> {
    this.#closing ??= this.#leave();
    return this.#closing;
  }

  /** Remembers what to close; a log closed meanwhile closes it at once. */
  async #track<T extends LogReader | MemberSession>(opened: T): Promise<T> {
    if (this.#closing !== undefined) {
      await opened.close();
      throw closed();
    }
    this.#open.add(opened);
    return opened;
  }

  async #leave(): Promise<void> {
    this.#availability.close();
    await bounded(this.#router.drained(), DRAIN_TIMEOUT_MS, "closing").catch(() => {});
    // Each of these cuts its connections in the end, so that nothing keeps the process from ending.
    await Promise.all([this.#router.close(), ...[...this.#open].map((each) => each.close())]);
    await Promise.all([this.#admin.close(), this.#uncommittedAdmin.close()]);
  }

  #onAvailability(available: boolean): void {
    this.#metadata.forget();
    // What was not sent yet is refused, not kept: its callers are told at once that it was not accepted.
    if (!available) this.#router.rejectQueued(this.#away());
  }

  #assertUsable(): void {
    if (this.#closing !== undefined) throw closed();
    if (!this.#availability.available) throw this.#away();
  }

  /**
   * Says why. Only a log that does not let us in refuses, however often we ask; whatever else the probe met passes:
   * kafkajs throws TypeErrors of its own while a broker restarts, and who takes those for final drops replies (C3).
   */
  #away(): ShardcastError {
    const { failure } = this.#availability;
    if (classify(failure) === "denied") return toShardcastError(failure, "Kafka is away");
    const reason = failure instanceof Error ? failure.message : String(failure);
    return new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", `Kafka is away: ${reason}`, { cause: failure });
  }
}

function closed(): ShardcastError {
  return new ShardcastError("SHARDCAST_CLOSED", "the log is closed");
}
