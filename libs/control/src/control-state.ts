import type {
  ControlRecord,
  MemberUpRecord,
  OwnedRecord,
  RecordedProgress,
  ReleasedRecord,
} from "@shardcast/protocol";
import type { ShardMap } from "@shardcast/routing";

/** Who may handle a lane. */
export type LaneState =
  /** Nobody has had it yet. */
  | { readonly kind: "free" }
  | {
      readonly kind: "owned";
      readonly member: string;
      readonly incarnation: string;
      readonly uid: string;
      readonly leaseMs: number;
      readonly url?: string;
      /** The fencing token: grows from owner to owner of a lane. */
      readonly token: number;
    }
  /** Its last owner has finished, or was fenced and waited out: whoever the map names may take it at once. */
  | { readonly kind: "released"; readonly member: string; readonly token: number };

/** The newest incarnation of a member. */
export interface MemberState {
  readonly state: "up" | "left" | "fenced";
  readonly incarnation: string;
  /** Where it first spoke: of two incarnations the one with the greater is the newer. */
  readonly since: number;
  readonly uid: string;
  readonly leaseMs: number;
  readonly url?: string;
  /** It takes broadcasts: they expect it, up or down. */
  readonly broadcasts: boolean;
}

/** What a record has changed. */
export type ControlChange =
  | { readonly kind: "map" }
  | { readonly kind: "lane"; readonly lane: number }
  | { readonly kind: "member"; readonly member: string }
  | { readonly kind: "beat"; readonly member: string; readonly incarnation: string }
  /** An ephemeral member is forgotten. */
  | { readonly kind: "gone"; readonly member: string }
  | { readonly kind: "planner"; readonly state: "up" | "beat" | "left"; readonly holder: string }
  /** Somebody wrote that he owns a lane that is another's. It has no effect; the owner says again that it is his. */
  | { readonly kind: "claim-refused"; readonly lane: number; readonly by: string };

interface Ephemeral {
  readonly incarnation: string;
  /** The one before it. */
  readonly replaced: string | undefined;
}

const FREE: LaneState = { kind: "free" };

/**
 * `S.control`, folded. Everybody folds the same records in the same order, and so agrees on who owns what (C2):
 *
 * - F1 A lane is taken by the first claim in the order of the log; a claim on another member's lane has no effect.
 * - F2 An owned lane is released in its owner's name only. Who may write in a name is decided by the log's sessions.
 * - F3 A map counts when its epoch is greater than the last one's.
 * - F4 Of a member's incarnations the one that first spoke last is the newest, whatever an older one still writes.
 * - F5 Compaction may keep a claim that had no effect and drop the one that had. Whoever reads only the former takes it for
 *   the owner's, until somebody speaks with a token that is older, and newer than the last release: that token's
 *   claim came first. Who has read everything never meets such a token.
 * - F6 What was released does not come back: to own the lane again takes a claim of its own.
 * - F7 Progress only grows. Of two that stand at the same offset the later release knows more.
 * - F8 An ephemeral member is who a heartbeat says it is; an incarnation that the next one has replaced does not come back.
 * - F9 It is forgotten when somebody says that it is gone, and known again when it beats.
 *
 * Also what a commit left behind that was never completed is folded: it was written by who held the name, so to believe
 * it errs on the safe side.
 */
export class ControlState {
  #map: ShardMap | undefined;
  #planner: string | undefined;
  readonly #lanes = new Map<number, LaneState>();
  /** Offset of each lane's last release: what has an older token is over. */
  readonly #freedAt = new Map<number, number>();
  readonly #progress = new Map<number, RecordedProgress>();
  readonly #members = new Map<string, MemberState>();
  readonly #ephemerals = new Map<string, Ephemeral>();

  /** Undefined until somebody has planned. */
  get map(): ShardMap | undefined {
    return this.#map;
  }

  /** The process that plans; undefined when it has left or nobody has begun. */
  get planner(): string | undefined {
    return this.#planner;
  }

  lane(lane: number): LaneState {
    return this.#lanes.get(lane) ?? FREE;
  }

  /** Lanes that somebody owns or has owned, ascending. */
  lanes(): ReadonlyMap<number, LaneState> {
    return new Map([...this.#lanes].sort(([a], [b]) => a - b));
  }

  /** How far a lane is done at least; what was committed since then may say more. */
  progress(lane: number): RecordedProgress | undefined {
    return this.#progress.get(lane);
  }

  member(member: string): MemberState | undefined {
    return this.#members.get(member);
  }

  members(): ReadonlyMap<string, MemberState> {
    return this.#members;
  }

  /** The incarnation of an ephemeral member; undefined for one that is not known. */
  ephemeral(member: string): string | undefined {
    return this.#ephemerals.get(member)?.incarnation;
  }

  /** Names of the ephemeral members. Whether one is alive is not said here. */
  ephemerals(): IterableIterator<string> {
    return this.#ephemerals.keys();
  }

  /** Folds the next record. Returns what it changed, undefined for nothing. */
  apply(record: ControlRecord, offset: number): ControlChange | undefined {
    switch (record.kind) {
      case "map": {
        const { epoch, replicas, lanes } = record;
        if (this.#map !== undefined && epoch <= this.#map.epoch) return undefined; // F3
        this.#map = { epoch, replicas, lanes };
        return { kind: "map" };
      }
      case "lane":
        return record.state === "owned" ? this.#owned(record, offset) : this.#released(record, offset);
      case "member":
        return record.state === "up" ? this.#up(record, offset) : this.#ended(record);
      case "beat":
        if (record.ephemeral && !this.#announced(record)) return undefined;
        return { kind: "beat", member: record.member, incarnation: record.incarnation };
      case "gone":
        return this.#ephemerals.delete(record.member) ? { kind: "gone", member: record.member } : undefined; // F9
      case "planner":
        if (record.state === "up") this.#planner = record.holder;
        if (record.state === "left" && this.#planner === record.holder) this.#planner = undefined;
        return { kind: "planner", state: record.state, holder: record.holder };
    }
  }

  #owned(record: OwnedRecord, offset: number): ControlChange | undefined {
    const { lane, member, incarnation, uid, leaseMs, url } = record;
    if (!this.#maySpeakFor(record)) return { kind: "claim-refused", lane, by: member }; // F1
    if ((record.token ?? offset) < this.#freedAtOf(lane)) return undefined; // F6
    if ((record.progress?.offset ?? -1) > this.#progressOf(lane)) this.#note(record); // F7
    this.#lanes.set(lane, {
      kind: "owned",
      member,
      incarnation,
      uid,
      leaseMs,
      token: record.token ?? offset,
      ...(url === undefined ? {} : { url }),
    });
    return { kind: "lane", lane };
  }

  #released(record: ReleasedRecord, offset: number): ControlChange | undefined {
    const { lane, member } = record;
    const before = this.lane(lane);
    if (before.kind === "released" || !this.#maySpeakFor(record)) return undefined; // F2
    const token = record.token ?? (before.kind === "owned" ? before.token : offset);
    this.#lanes.set(lane, { kind: "released", member, token });
    this.#freedAt.set(lane, offset);
    if ((record.progress?.offset ?? -1) >= this.#progressOf(lane)) this.#note(record); // F7
    return { kind: "lane", lane };
  }

  /** Whether the lane is not another member's. */
  #maySpeakFor({ lane, member, token }: OwnedRecord | ReleasedRecord): boolean {
    const before = this.lane(lane);
    if (before.kind !== "owned" || before.member === member) return true;
    return token !== undefined && token < before.token && token > this.#freedAtOf(lane); // F5
  }

  #progressOf(lane: number): number {
    return this.#progress.get(lane)?.offset ?? -1;
  }

  #note({ lane, progress }: OwnedRecord | ReleasedRecord): void {
    if (progress !== undefined) this.#progress.set(lane, progress);
  }

  #freedAtOf(lane: number): number {
    return this.#freedAt.get(lane) ?? -1;
  }

  /** Whether it is the member's newest incarnation. */
  #announced({ member, incarnation }: { member: string; incarnation: string }): boolean {
    const before = this.#ephemerals.get(member);
    if (before?.incarnation === incarnation) return true;
    if (before?.replaced === incarnation) return false; // F8: its last beat came late
    this.#ephemerals.set(member, { incarnation, replaced: before?.incarnation });
    return true;
  }

  #up(record: MemberUpRecord, offset: number): ControlChange | undefined {
    const { member, incarnation, uid, leaseMs, url } = record;
    const since = record.since ?? offset;
    const before = this.#members.get(member);
    if (before !== undefined && since < before.since) return undefined; // F4
    // It may have been fenced for its silence, and says again what it does not know better.
    if (before !== undefined && before.incarnation === incarnation && before.state !== "up") return undefined;
    this.#members.set(member, {
      state: "up",
      incarnation,
      since,
      uid,
      leaseMs,
      broadcasts: record.broadcasts === true,
      ...(url === undefined ? {} : { url }),
    });
    return { kind: "member", member };
  }

  #ended({
    member,
    incarnation,
    state,
  }: {
    member: string;
    incarnation: string;
    state: "left" | "fenced";
  }): ControlChange | undefined {
    const before = this.#members.get(member);
    if (before === undefined || before.incarnation !== incarnation || before.state === state)
      return undefined;
    this.#members.set(member, { ...before, state });
    return { kind: "member", member };
  }
}
