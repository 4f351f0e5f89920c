import { type Directory, openDirectory } from "@shardcast/control";
import type { LaneProgress, LogReader } from "@shardcast/log";
import {
  broadcastTopicsOf,
  groupOf,
  newId,
  type ServiceTopics,
  ShardcastError,
  topicsOf,
} from "@shardcast/protocol";
import { openResults, type Results } from "@shardcast/results";
import type { Logger } from "pino";
import { DurableSubscriber } from "../broadcasts/durable.ts";
import type { BroadcastHandlers } from "../broadcasts/handlers.ts";
import { LaneBarrier } from "../broadcasts/lane-barrier.ts";
import { tellAttempts } from "../execution/attempt-news.ts";
import { appendAtOnce, withProgress } from "../execution/delivery.ts";
import { Lane } from "../execution/lane.ts";
import { Lease } from "../execution/lease.ts";
import { Outbox } from "../execution/outbox.ts";
import { OwedCallbacks } from "../execution/owed-callbacks.ts";
import { Parking } from "../execution/parking.ts";
import type { LaneScope } from "../execution/request.ts";
import { Settler } from "../execution/settle.ts";
import type { Handler } from "../handler.ts";
import type { Identity } from "../identity.ts";
import type { ResolvedWorkerOptions, WorkerOptions } from "../options.ts";
import { Committer } from "./committer.ts";
import type { HeldLane } from "./held-lane.ts";
import type { LaneEvent } from "./held-lanes.ts";
import { LaneKeeper, type LaneStanding } from "./lane-keeper.ts";
import { Member, type OpenedSession, openMember } from "./member.ts";
import { ParkedLanes } from "./parked-lanes.ts";

/** A lane that this member holds. */
export interface OwnedLane {
  readonly lane: number;
  readonly fencingToken: number;
  /**
   * `acquiring`: its hook runs. `owned`: its handlers run. `draining`, `recording`, `releasing`: on its way to the next
   * owner. `gone`: it is
   * not held any more.
   */
  readonly state: HeldLane["state"];
}

export type OwnershipEnd = "stopped" | "replaced";

export interface OwnershipOptions {
  readonly options: WorkerOptions;
  readonly resolved: ResolvedWorkerOptions;
  readonly identity: Identity;
  /** What it does with broadcasts; with none it takes no part in them. */
  readonly broadcasts: BroadcastHandlers;
  readonly logger: Logger;
  readonly emit: (event: LaneEvent, lane: OwnedLane) => void;
}

interface Opened {
  readonly directory: Directory;
  readonly reader: LogReader;
  readonly results: Results;
  readonly parked: ParkedLanes | undefined;
  readonly subscriber: DurableSubscriber | undefined;
}

/** Between renewals there is time for one that fails and another try. */
const RENEWALS_PER_LEASE = 3;

/** What a worker holds while it takes part: its name, its lanes, and what they need. Assembles the parts; each has its own file. */
export class Ownership {
  readonly #parts: OwnershipOptions;
  readonly #topics: ServiceTopics;
  readonly #lease: Lease;
  readonly #handlers: ReadonlyMap<string, Handler>;
  readonly #callbacks: OwedCallbacks;
  readonly #outbox: Outbox;
  readonly #directory: Directory;
  readonly #reader: LogReader;
  readonly #results: Results;
  readonly #parked: ParkedLanes | undefined;
  readonly #subscriber: DurableSubscriber | undefined;
  readonly #member: Member;
  readonly #keeper: LaneKeeper;
  readonly #committer: Committer;
  readonly #leaseWatch: NodeJS.Timeout;
  #subscribed: Promise<void> = Promise.resolve();
  readonly #end = Promise.withResolvers<OwnershipEnd>();
  readonly ended = this.#end.promise;

  /**
   * Joins. Rejects as the log does, and with SHARDCAST_FENCED when a newer process of this member exists; then nothing is
   * left open.
   */
  static async open(parts: OwnershipOptions): Promise<Ownership> {
    const { log } = parts.options;
    const { service, lanes, topicPrefix: prefix, resultRetentionMs, broadcastRetentionMs } = parts.resolved;
    const { logger, broadcasts } = parts;
    const isSubscribed = broadcasts.size > 0;
    const topics = topicsOf(service, { lanes, prefix, resultRetentionMs });
    const group = groupOf(service, prefix);
    const member = { member: parts.identity.member, group, requests: topics.requests.name };
    const announced = broadcastTopicsOf(service, { prefix, retentionMs: broadcastRetentionMs });
    await log.ensureTopics([...Object.values(topics), ...(isSubscribed ? Object.values(announced) : [])]);
    const [control] = await log.rangesOf(topics.control.name);
    // Before what takes longer: a predecessor's lease runs out meanwhile.
    const first = openMember(log, member, control?.high ?? 0);
    first.catch(() => {}); // whoever joins is told
    const leave = async () => (await first).session.close();
    // Asked for in vain: the first lane must not wait for what the log needs to be asked.
    log.progressOf(group, topics.requests.name).catch(() => {});
    let ownership: Ownership | undefined;
    // Side by side: a reader may take seconds to join its group, the directory as well.
    const opening = await Promise.allSettled([
      openDirectory(log, { service, topicPrefix: prefix, logger }),
      log.openReader({
        topics: [topics.requests.name],
        onRecords: (records) => {
          if (ownership !== undefined) ownership.#keeper.accept(records);
        },
      }),
      // Of all lanes, all the time: a take-over then waits for the last moments only.
      openResults(log, { service, topicPrefix: prefix, lanes, retentionMs: resultRetentionMs, logger }),
      parts.resolved.onExhausted === "park" ? ParkedLanes.open(log, topics.dead.name, lanes) : undefined,
      isSubscribed
        ? DurableSubscriber.open({
            ...parts.resolved,
            ...{ log, topics: announced, member: parts.identity.member, handlers: broadcasts, logger },
          })
        : undefined,
    ]);
    const [directory, reader, results, parked, subscriber] = opening;
    try {
      if (directory.status === "rejected") throw directory.reason;
      if (reader.status === "rejected") throw reader.reason;
      if (results.status === "rejected") throw results.reason;
      if (parked.status === "rejected") throw parked.reason;
      if (subscriber.status === "rejected") throw subscriber.reason;
      const opened = { directory: directory.value, reader: reader.value, results: results.value };
      const also = { parked: parked.value, subscriber: subscriber.value };
      ownership = new Ownership(parts, topics, { ...opened, ...also }, first);
      if ((await ownership.#member.join()) === "replaced") {
        throw new ShardcastError("SHARDCAST_FENCED", "a newer process has this member's identity");
      }
      ownership.#subscribe();
      return ownership;
    } catch (error) {
      if (ownership !== undefined) ownership.#abandon();
      leave().catch(() => {});
      await Promise.allSettled(
        opening.map((each) => (each.status === "fulfilled" ? each.value?.close() : undefined)),
      );
      throw error;
    }
  }

  private constructor(
    parts: OwnershipOptions,
    topics: ServiceTopics,
    { directory, reader, results, parked, subscriber }: Opened,
    first: Promise<OpenedSession>,
  ) {
    const { options, resolved, identity, logger, emit } = parts;
    const { log } = options;
    const { service, topicPrefix: prefix, leaseMs } = resolved;
    const group = groupOf(service, prefix);
    const name = identity.member;
    const uid = resolved.podUid ?? newId();
    this.#parts = parts;
    this.#topics = topics;
    this.#directory = directory;
    this.#reader = reader;
    this.#results = results;
    this.#parked = parked;
    this.#subscriber = subscriber;
    this.#lease = new Lease(leaseMs);
    this.#callbacks = new OwedCallbacks({ log, service, topicPrefix: prefix, logger });
    this.#handlers = new Map(Object.entries(options.handlers ?? {}));
    this.#outbox = new Outbox(() => this.#committer.nudge());
    this.#member = new Member({
      log,
      directory,
      lease: this.#lease,
      member: name,
      uid,
      url: resolved.url,
      broadcasts: subscriber !== undefined,
      group,
      requests: topics.requests.name,
      control: topics.control.name,
      first,
      logger,
      onRejoined: () => this.#keeper.rejoined(),
      onFenced: () => this.#keeper.loseAll("the planner has fenced this member for its silence"),
      onOver: (why) => (why === "replaced" ? this.#replaced() : this.#keeper.notify()),
    });
    this.#keeper = new LaneKeeper({
      ...resolved,
      log,
      directory,
      member: this.#member,
      lease: this.#lease,
      reader,
      results,
      parked,
      topics,
      group,
      name,
      ordinal: identity.ordinal,
      uid,
      url: resolved.url,
      carryProgress: resolved.delivery === "at-least-once",
      settled: (lane) => this.#outbox.settled(lane),
      onLaneAcquired: options.onLaneAcquired,
      onLaneReleased: options.onLaneReleased,
      execution: (...lane) => this.#execution(...lane),
      onEvent: (event, held) => {
        logger.debug({ lane: held.lane, fencingToken: held.token }, event);
        emit(event, shown(held));
      },
      logger,
    });
    const renewMs = leaseMs / RENEWALS_PER_LEASE;
    this.#committer = new Committer({
      log,
      member: this.#member,
      lanes: () => this.#keeper.held(),
      outbox: this.#outbox,
      group,
      requests: topics.requests.name,
      intervalMs: Math.min(resolved.commitIntervalMs, renewMs),
      renewMs,
      logger,
    });
    // By itself, not with the commits: one that hangs must not keep it.
    this.#leaseWatch = setInterval(() => this.#checkLease(), renewMs).unref();
  }

  lanes(): readonly OwnedLane[] {
    return this.#keeper.held().map(shown);
  }

  standing(): LaneStanding {
    return this.#keeper.standing();
  }

  /**
   * Resolves when what the map gives to this member is owned, see `LaneKeeper.settled`, and broadcasts are received.
   * Rejects for what waiting does not mend.
   */
  async settled(): Promise<void> {
    await Promise.all([this.#keeper.settled(), this.#subscribed]);
  }

  /** Drains, commits, releases, leaves. Never rejects. Does nothing more when it was replaced. */
  async stop(graceMs: number): Promise<void> {
    // Side by side: neither waits for the other's grace time.
    await Promise.all([this.#keeper.stop(graceMs), this.#subscriber?.stop(graceMs)]);
    this.#stopTimers();
    await this.#member.leave();
    const followers = [this.#results, this.#parked, this.#directory];
    await Promise.allSettled([this.#reader.close(), ...followers.map((each) => each?.close())]);
    this.#end.resolve("stopped");
  }

  /** Beside the lanes, which do not wait for it. */
  #subscribe(): void {
    const subscriber = this.#subscriber;
    if (subscriber === undefined) return;
    const barrier = new LaneBarrier({
      log: this.#parts.options.log,
      requests: this.#topics.requests.name,
      reader: this.#reader,
      settled: () => this.#keeper.settled(),
      held: () => this.#keeper.held(),
      halted: subscriber.halted,
    });
    this.#subscribed = subscriber.start({
      token: this.#member.since as number, // it has just joined; kept when a later incarnation goes on
      isReplaced: () => this.#member.isReplaced(),
      afterLanes: () => barrier.passed(),
    });
    this.#subscribed.catch(() => {}); // who waits for it is told
  }

  #execution(
    lane: number,
    fencingToken: number,
    signals: Pick<LaneScope, "signal" | "over">,
    from: LaneProgress | undefined,
    committed: LaneProgress | undefined,
  ): Lane {
    const { options, resolved, identity, logger } = this.#parts;
    const scope: LaneScope = {
      service: resolved.service,
      member: identity.member,
      lane,
      fencingToken,
      ...signals,
      lease: this.#lease,
      logger: logger.child({ lane }),
    };
    const { log } = options;
    const topics = this.#topics;
    const results = this.#results;
    const together = withProgress(log, this.#outbox, scope);
    const delivery = resolved.delivery === "exactly-once" ? together : appendAtOnce(log, scope);
    const topic = topics.requests.name;
    const parked = this.#parked;
    const parking =
      parked &&
      new Parking({ keys: parked.of(lane), caughtUp: () => parked.caughtUp(lane), logger: scope.logger });
    return new Lane(
      {
        ...resolved,
        ...(parking === undefined ? {} : { parking }),
        scope,
        handlerFor: (name) => this.#handlers.get(name) ?? options.defaultHandler,
        settler: new Settler({
          ...{ scope, topics, delivery, committed: together, results, log },
          callbacks: this.#callbacks,
        }),
        results,
        newsOf: (request) => tellAttempts(log, topics, scope, request),
        pause: () => this.#reader.pause(topic, lane),
        resume: () => this.#reader.resume(topic, lane),
      },
      from,
      committed,
    );
  }

  #checkLease(): void {
    const { leaseMs, lostAfterMs } = this.#parts.resolved;
    if (performance.now() - this.#member.lastCommitMs > leaseMs + lostAfterMs) this.#keeper.suspend();
  }

  /** C2: the handlers' signal fires and none starts any more. */
  #replaced(): void {
    const why = "a newer process has this member's identity";
    void this.#keeper.loseAll(why);
    this.#subscriber?.end(new ShardcastError("SHARDCAST_FENCED", why));
    this.#keeper.close();
    this.#stopTimers();
    this.#end.resolve("replaced");
  }

  #abandon(): void {
    this.#stopTimers();
    this.#keeper.close();
  }

  #stopTimers(): void {
    clearInterval(this.#leaseWatch);
    this.#committer.stop();
  }
}

function shown({ lane, token, state }: HeldLane): OwnedLane {
  return { lane, fencingToken: token, state };
}
