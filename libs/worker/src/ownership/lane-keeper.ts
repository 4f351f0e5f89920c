import { type ControlChange, fenceReplies, type LaneState } from "@shardcast/control";
import type { Log, LogRecord } from "@shardcast/log";
import { type ServiceTopics, ShardcastError } from "@shardcast/protocol";
import { initialMap, lanesOf, type ShardMap } from "@shardcast/routing";
import type { HeldLane } from "./held-lane.ts";
import { HeldLanes, type HeldLanesOptions } from "./held-lanes.ts";
import { LaneRecords } from "./lane-records.ts";
import { type LaneStep, nextStep } from "./next-step.ts";

export interface LaneKeeperOptions extends Omit<HeldLanesOptions, "records" | "requests" | "onChange"> {
  readonly log: Log;
  readonly topics: ServiceTopics;
  readonly group: string;
  readonly name: string;
  readonly ordinal: number;
  readonly uid: string;
  readonly url: string | undefined;
  readonly leaseMs: number;
  readonly lanes: number;
  readonly replicas: number;
}

/** How this member stands to the map. */
export interface LaneStanding {
  /** The map counts on it, and gives it what it is to have. */
  readonly planned: boolean;
  /** The lanes that the map gives to it, ascending. */
  readonly wanted: readonly number[];
  /** Those of them whose handlers do not run yet. */
  readonly missing: readonly number[];
}

/** After a pass that failed. */
const RETRY_MS = 500;
/** How long a stop waits for the log when everything is drained. */
const RELEASE_LIMIT_MS = 5_000;

/**
 * Brings the lanes this member holds in line with the map, one pass after the other (decision 010):
 *
 * - K1 A lane is claimed only when its last record is a release, or an older claim of this member's own whose lease must
 *   have run out (`nextStep`).
 * - K2 A claim counts when it was read back and is the lane's owner record; nothing is started before (C2).
 * - K3 What a lost predecessor still replies is fenced off before its lane is claimed or released (C4).
 * - K4 A lane is released when its handlers have ended and their progress is committed (C10; `HeldLanes`, `Releaser`).
 * - K5 A lane whose owner record is not this member's claim any more is lost, at once.
 */
export class LaneKeeper {
  readonly #options: LaneKeeperOptions;
  readonly #records: LaneRecords;
  readonly #held: HeldLanes;
  readonly #unwatch: () => void;
  readonly #stopping = new AbortController();
  #wake: NodeJS.Timeout | undefined;
  #passing = false;
  #again = false;
  #waiting: (() => void)[] = [];

  constructor(options: LaneKeeperOptions) {
    this.#options = options;
    this.#records = new LaneRecords(options);
    this.#held = new HeldLanes({
      ...options,
      records: this.#records,
      requests: options.topics.requests.name,
      onChange: () => {
        this.notify();
        this.reconcile();
      },
    });
    this.#unwatch = options.directory.watch((change) => this.#onControl(change));
  }

  /** Held lanes, ascending. */
  held(): HeldLane[] {
    return this.#held.all();
  }

  accept(records: readonly LogRecord[]): void {
    const [first] = records;
    if (first !== undefined) this.#held.get(first.partition)?.execution.accept(records);
  }

  /** What the map wants of this member, and what is still missing. */
  standing(): LaneStanding {
    const { ordinal } = this.#options;
    const { lanes, replicas } = this.#map();
    const wanted = lanesOf(this.#map(), ordinal);
    const missing = wanted.filter((lane) => this.#held.get(lane)?.state !== "owned");
    // With lanes for all, one without any has not been given its own yet.
    const planned = ordinal < replicas && (wanted.length > 0 || lanes.length < replicas);
    return { planned, wanted, missing };
  }

  /** Resolves when every lane that the map gives to this member is owned, or another member's still. */
  settled(): Promise<void> {
    this.reconcile();
    return this.#until(() => this.#isSettled());
  }

  /** Looks again at what is to be done. */
  reconcile(): void {
    if (this.#stopping.signal.aborted) return;
    this.#again = true;
    if (this.#passing) return;
    this.#passing = true;
    // Not at the first record of a batch: what comes together is claimed together.
    queueMicrotask(() => void this.#passes());
  }

  /** The session holds again: what was uncertain is now known. */
  rejoined(): void {
    for (const held of this.#held.all()) {
      const owner = this.#options.directory.state.lane(held.lane);
      if (this.#isClaim(owner, held)) continue;
      if (held.state === "releasing" && owner.kind === "released") this.#held.released(held);
      else this.#held.lose(held, "another member owns the lane now");
    }
    this.#held.releaseOn();
    this.reconcile();
  }

  /** Everything is lost: fenced, or replaced. Resolves when no handler runs any more, or `drainMs` is over. */
  async loseAll(why: string): Promise<void> {
    for (const held of this.#held.all()) this.#held.lose(held, why);
    this.#held.remains.abandon(new ShardcastError("SHARDCAST_FENCED", why));
    await this.#until(() => this.#held.remains.allEnded);
    this.#held.remains.clear();
  }

  /**
   * The lease has been gone for so long that others may have the lanes: what runs is told so. Should they still be this
   * member's when it is back, it goes on with what it had done.
   */
  suspend(): void {
    for (const held of this.#held.all()) {
      if (held.state !== "owned" && held.state !== "acquiring") continue;
      this.#held.lose(held, "the lease could not be renewed for too long", this.#options.carryProgress);
    }
  }

  /** Drains within the grace time and releases everything; what the log does not take stays for the next owner. */
  async stop(graceMs: number): Promise<void> {
    const { log, member, logger } = this.#options;
    this.#stopping.abort();
    clearTimeout(this.#wake);
    const recordWithinMs = Math.min(graceMs, RELEASE_LIMIT_MS);
    const drained = this.#held.all().map((held) => {
      held.hurry(graceMs, recordWithinMs);
      return this.#held.letGo(held, graceMs, recordWithinMs);
    });
    await this.#until(() => !this.#passing);
    await this.#dropUnheld();
    await Promise.all(drained);
    const limit = setTimeout(() => this.notify(), RELEASE_LIMIT_MS);
    const begunMs = performance.now();
    const isHopeless = () => member.over || !log.available || performance.now() - begunMs >= RELEASE_LIMIT_MS;
    await this.#until(() => this.#held.all().length === 0 || isHopeless());
    clearTimeout(limit);
    const left = this.#held.all().map(({ lane }) => lane);
    if (left.length > 0) logger.warn({ lanes: left }, "last progress not committed");
    this.close();
  }

  /** Lets go of everything as it is. */
  close(): void {
    this.#stopping.abort();
    this.#unwatch();
    clearTimeout(this.#wake);
    this.#held.close(new ShardcastError("SHARDCAST_CLOSED", "the worker has stopped"));
    this.notify();
  }

  /** Something has changed that somebody may wait for. */
  notify(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #onControl(change: ControlChange): void {
    const { member, directory, name } = this.#options;
    switch (change.kind) {
      case "lane": {
        const held = this.#held.get(change.lane);
        const isOurs = held === undefined || this.#isClaim(directory.state.lane(change.lane), held);
        // K5. Only who holds our name can have written it: the planner, or we, whose release is in its own hands.
        if (!isOurs && held.state !== "releasing") this.#held.lose(held, "the lane was released");
        this.reconcile();
        return;
      }
      case "claim-refused":
        void this.#reassert(change.lane);
        return;
      case "member":
        if (change.member === name) member.check();
        return;
      case "map":
        this.reconcile();
        return;
      case "beat":
      case "planner":
        return;
    }
  }

  async #passes(): Promise<void> {
    while (this.#again && !this.#stopping.signal.aborted) {
      this.#again = false;
      try {
        await this.#pass();
      } catch (error) {
        if (this.#stopping.signal.aborted) break;
        this.#options.logger.warn({ err: error }, "lanes not in line with the map yet; trying on");
        this.#wakeIn(RETRY_MS);
      }
    }
    this.#passing = false;
    this.notify();
  }

  async #pass(): Promise<void> {
    const { member, log, topics, drainMs, lanes } = this.#options;
    if (!member.holding) return;
    const claims: number[] = [];
    const drops: number[] = [];
    const lost = new Map<number, number>();
    let wakeMs = Number.POSITIVE_INFINITY;
    for (let lane = 0; lane < lanes; lane++) {
      const step = this.#stepOf(lane);
      switch (step.kind) {
        case "nothing":
          break;
        case "wait":
          wakeMs = Math.min(wakeMs, step.ms);
          break;
        case "let-go":
          void this.#held.letGo(this.#held.get(lane) as HeldLane, drainMs);
          break;
        case "claim":
        case "drop":
          (step.kind === "claim" ? claims : drops).push(lane);
          if (step.lostToken !== undefined) lost.set(lane, step.lostToken);
      }
    }
    if (Number.isFinite(wakeMs)) this.#wakeIn(wakeMs);
    await fenceReplies(log, topics, lost); // K3
    if (drops.length > 0) await this.#drop(drops);
    if (claims.length > 0) await this.#claim(claims);
  }

  #stepOf(lane: number): LaneStep {
    const { member, directory, name, uid } = this.#options;
    return nextStep({
      wanted: this.#isWanted(lane),
      held: this.#held.get(lane)?.state,
      owner: directory.state.lane(lane),
      self: { name, uid, incarnation: member.incarnation },
      fencedAtMs: member.fencedAtMs,
      notBeforeMs: this.#held.cooling.untilMs(lane),
      stillRunning: this.#held.remains.running(lane),
      nowMs: performance.now(),
    });
  }

  async #claim(lanes: readonly number[]): Promise<void> {
    const { member, directory, log, group, topics } = this.#options;
    const { incarnation } = member;
    const records = lanes.map((lane) => this.#records.owned(lane, directory.state.progress(lane)));
    const offsets = await member.commit({ records });
    if (offsets === undefined) return;
    await directory.reached((offsets.at(-1) as number) + 1);
    const progress = await log.progressOf(group, topics.requests.name);
    lanes.forEach((lane, i) => {
      const token = offsets[i] as number;
      const owner = directory.state.lane(lane);
      // K2. Looked at after everything was awaited: it may have been lost since.
      if (owner.kind !== "owned" || owner.token !== token || owner.incarnation !== incarnation) return;
      if (member.incarnation !== incarnation || this.#stopping.signal.aborted) return;
      this.#held.hold(lane, token, progress.get(lane));
    });
  }

  /** Releases lanes in this member's name that nothing runs on; with what was done on them, if that is to be kept. */
  async #drop(lanes: readonly number[]): Promise<void> {
    const { member, directory } = this.#options;
    const { state } = directory;
    const done = new Map(lanes.map((lane) => [lane, this.#held.remains.take(lane)]));
    const records = lanes.flatMap((lane) => {
      const owner = state.lane(lane);
      const progress = done.get(lane) ?? state.progress(lane);
      return owner.kind === "owned" ? [this.#records.released(lane, owner.token, progress)] : [];
    });
    await member.commit({ progress: [...done.values()].filter((each) => each !== undefined), records });
  }

  /** Drops what was claimed and not begun, or the next owner would wait for a lease that nobody uses. */
  async #dropUnheld(): Promise<void> {
    const { member, directory } = this.#options;
    const unheld = [...directory.state.lanes()]
      .filter(([, owner]) => owner.kind === "owned" && owner.incarnation === member.incarnation)
      .map(([lane]) => lane)
      .filter((lane) => this.#held.get(lane) === undefined && !this.#held.remains.running(lane));
    if (unheld.length > 0) await this.#drop(unheld);
  }

  /** Somebody claimed what is ours, in vain; compaction may keep only his record, so ours is written again. */
  async #reassert(lane: number): Promise<void> {
    const held = this.#held.get(lane);
    if (held === undefined || held.state === "releasing") return;
    const { member, directory } = this.#options;
    const progress = directory.state.progress(lane);
    await member.commit({ records: [this.#records.owned(lane, progress, held.token)] });
  }

  #isWanted(lane: number): boolean {
    return !this.#stopping.signal.aborted && this.#map().lanes[lane] === this.#options.ordinal;
  }

  #map(): ShardMap {
    const { directory, lanes, replicas } = this.#options;
    const { map } = directory.state;
    return map?.lanes.length === lanes ? map : initialMap(lanes, replicas);
  }

  #isClaim(owner: LaneState, { token }: HeldLane): boolean {
    const { member } = this.#options;
    return owner.kind === "owned" && owner.token === token && owner.incarnation === member.incarnation;
  }

  #isSettled(): boolean {
    const { lanes, directory, name, member } = this.#options;
    if (this.#passing || this.#again || !member.holding) return false;
    for (let lane = 0; lane < lanes; lane++) {
      if (!this.#isWanted(lane)) continue;
      const held = this.#held.get(lane);
      if (held !== undefined ? held.state !== "acquiring" : this.#held.cooling.has(lane)) continue;
      const owner = directory.state.lane(lane);
      if (held === undefined && owner.kind === "owned" && owner.member !== name) continue;
      return false;
    }
    return true;
  }

  /** At the latest then, there is something to do. */
  #wakeIn(ms: number): void {
    clearTimeout(this.#wake);
    this.#wake = setTimeout(() => this.reconcile(), Math.ceil(ms));
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
