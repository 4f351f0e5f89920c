import type { CommitOutcome, MemberSession } from "@shardcast/log";
import { type ControlRecord, encodeControl } from "@shardcast/protocol";
import { initialMap, plan, type ShardMap } from "@shardcast/routing";
import type { ControlChange } from "./control-state.ts";
import { EphemeralSweep } from "./ephemeral-sweep.ts";
import { fenceMember } from "./fence-member.ts";
import { settledWithin, waitUntil } from "./monotonic.ts";
import type { PlannerScope } from "./planner-scope.ts";
import { Presence } from "./presence.ts";

/** Why a term ended before it was resigned. */
export type TermEnd =
  /** Another process plans now. */
  | "replaced"
  /** The session broke; the same process may plan again. */
  | "broken";

export interface TermOptions extends PlannerScope {
  /** `@planner`'s, with this process's `up` written in it and read back. The term closes it. */
  readonly session: MemberSession;
  readonly onEnd: (why: TermEnd) => void;
}

const TICK_MS = 200;
/** How long leaving in order may take when the log does not answer. */
const RESIGN_LIMIT_MS = 2_000;

/** The time in which this process plans; keeps P2 to P6 of planner.ts. */
export class Term {
  readonly #options: TermOptions;
  readonly #presence: Presence;
  readonly #ephemerals: EphemeralSweep;
  /** Members that are being fenced. */
  readonly #fences = new Map<string, AbortController>();
  readonly #unwatch: readonly (() => void)[];
  readonly #timers: readonly NodeJS.Timeout[];
  #beating = false;
  #considering = false;
  #publishing = false;
  #over = false;

  constructor(options: TermOptions) {
    const { log, directory, topics, replicas, reassignAfterMs, forgetAfterMs, beatMs, logger } = options;
    this.#options = options;
    const atMs = performance.now();
    this.#presence = new Presence({ reassignAfterMs, beatMs, atMs });
    this.#ephemerals = new EphemeralSweep({
      ...{ log, topic: topics.control.name, state: directory.state, forgetAfterMs, beatMs, atMs, logger },
    });
    this.#unwatch = [
      directory.watch((change) => this.#onChange(change)),
      replicas.watch(() => this.#considerSoon()),
    ];
    this.#timers = [
      setInterval(() => void this.#beat(), beatMs),
      setInterval(() => this.#considerSoon(), TICK_MS),
    ];
    this.#considerSoon();
  }

  /** Leaves in order, so that the next planner need not wait for silence. */
  async resign(): Promise<void> {
    if (this.#over) return;
    this.#stop();
    const { session, holder } = this.#options;
    const leave = async () => {
      await this.#commit({ kind: "planner", state: "left", holder });
      await session.close();
    };
    await settledWithin(leave(), RESIGN_LIMIT_MS);
  }

  #end(why: TermEnd): void {
    if (this.#over) return;
    this.#stop();
    void this.#options.session.close().catch(() => undefined);
    this.#options.onEnd(why);
  }

  #stop(): void {
    this.#over = true;
    for (const unwatch of this.#unwatch) unwatch();
    for (const timer of this.#timers) clearInterval(timer);
    for (const fence of this.#fences.values()) fence.abort();
  }

  #onChange(change: ControlChange): void {
    const { directory, holder } = this.#options;
    this.#ephemerals.onChange(change);
    switch (change.kind) {
      case "planner":
        if (change.state === "up" && change.holder !== holder) this.#end("replaced"); // P2
        if (change.state === "beat" && change.holder === holder) this.#ownBeat(performance.now());
        return;
      case "beat": {
        const member = directory.state.member(change.member);
        // A fenced one, or one that was replaced, may go on beating for a while and is not there.
        if (member?.state === "up" && member.incarnation === change.incarnation) this.#heard(change.member);
        return;
      }
      case "member":
        if (directory.state.member(change.member)?.state !== "fenced") this.#heard(change.member);
        this.#considerSoon();
        return;
      case "map":
      case "lane":
        this.#considerSoon();
        return;
      case "claim-refused":
      case "gone":
        return;
    }
  }

  #ownBeat(atMs: number): void {
    this.#presence.ownBeat(atMs); // P3
    if (!this.#over) this.#ephemerals.ownBeat(atMs);
  }

  #heard(member: string): void {
    this.#presence.heard(member);
    this.#fences.get(member)?.abort();
  }

  async #beat(): Promise<void> {
    if (this.#beating) return;
    this.#beating = true;
    const { log, topics, holder, logger } = this.#options;
    try {
      const record = encodeControl({ kind: "planner", state: "beat", holder });
      await log.append({ topic: topics.control.name, partition: 0, ...record });
    } catch (error) {
      logger?.debug({ err: error }, "planner's heartbeat not written");
    }
    this.#beating = false;
  }

  /** After the records that have come together; a change seldom comes alone. */
  #considerSoon(): void {
    if (this.#considering) return;
    this.#considering = true;
    queueMicrotask(() => {
      this.#considering = false;
      if (this.#over || this.#publishing) return;
      try {
        this.#consider();
      } catch (error) {
        this.#options.logger?.error({ err: error }, "can not plan");
      }
    });
  }

  #consider(): void {
    const { directory, lanes, replicas } = this.#options;
    const map = directory.state.map;
    // Who says how many may be away for long, and a member that is lost meanwhile is replaced all the same.
    const wanted = replicas.replicas ?? map?.replicas;
    if (wanted === undefined) return;
    const today = map?.lanes.length === lanes ? map : this.#firstMap(wanted, map);
    if (today === undefined) return;
    const ordinals = Array.from({ length: wanted }, (_, ordinal) => ordinal);
    const next = plan(
      today,
      wanted,
      ordinals.filter((ordinal) => this.#isAlive(ordinal, today)),
    );
    if (next !== map) void this.#publish(next);
    else for (const member of this.#lost(map)) void this.#fence(member); // P4
  }

  /** Undefined for nobody. */
  #firstMap(wanted: number, strange: ShardMap | undefined): ShardMap | undefined {
    const { lanes, logger } = this.#options;
    if (wanted < 1) return undefined;
    if (strange !== undefined) {
      logger?.error(
        { lanes, found: strange.lanes.length },
        "the map has another number of lanes; planned anew",
      );
    }
    return initialMap(lanes, wanted, (strange?.epoch ?? 0) + 1);
  }

  /** Who has not spoken since this term began keeps what it has for a while, and is given nothing. */
  #isAlive(ordinal: number, today: ShardMap): boolean {
    const member = String(ordinal);
    if (this.#isSilent(member)) return false;
    return this.#presence.knows(member) || today.lanes.includes(ordinal);
  }

  #isSilent(member: string): boolean {
    const { state } = this.#options.directory;
    return state.member(member)?.state === "fenced" || this.#presence.isSilent(member);
  }

  /** Members that are silent and own lanes which the map gives to others. */
  #lost(map: ShardMap): Set<string> {
    const lost = new Set<string>();
    for (const [lane, owner] of this.#options.directory.state.lanes()) {
      if (owner.kind !== "owned" || String(map.lanes[lane]) === owner.member) continue;
      if (!lost.has(owner.member) && this.#isSilent(owner.member)) lost.add(owner.member);
    }
    return lost;
  }

  async #publish(map: ShardMap): Promise<void> {
    const { directory, logger } = this.#options;
    this.#publishing = true;
    try {
      const outcome = await this.#commit({ kind: "map", ...map }); // P1
      if (outcome.kind !== "committed") {
        this.#end(outcome.kind === "fenced" ? "replaced" : "broken"); // P2
        return;
      }
      logger?.info({ epoch: map.epoch, replicas: map.replicas }, "published a map");
      await directory.reached((outcome.offsets[0] ?? -1) + 1);
    } catch (error) {
      logger?.warn({ err: error }, "can not publish a map");
      this.#end("broken");
      return;
    } finally {
      this.#publishing = false;
    }
    this.#considerSoon();
  }

  async #fence(member: string): Promise<void> {
    if (this.#fences.has(member)) return; // P5
    const { log, directory, service, topicPrefix, leaseMs, beatMs, reassignAfterMs, logger } = this.#options;
    const fence = new AbortController();
    const { signal } = fence;
    this.#fences.set(member, fence);
    const outcome = await fenceMember({
      ...{ log, directory, service, topicPrefix, leaseMs, member, signal },
      ...(logger === undefined ? {} : { logger }),
    });
    // Who has come back says so at the end of its start, which another fence would begin anew: it has the time that anybody has.
    const pauseMs = outcome === "returned" ? reassignAfterMs : beatMs;
    if (outcome !== "released") await waitUntil(performance.now() + pauseMs, signal).catch(() => undefined);
    this.#fences.delete(member);
    if (!this.#over) this.#considerSoon();
  }

  #commit(control: ControlRecord): Promise<CommitOutcome> {
    const { session, topics } = this.#options;
    const record = { topic: topics.control.name, partition: 0, ...encodeControl(control) };
    return session.commit({ records: [record] });
  }
}
