import type { BroadcastStatusJson, ControlRecord, MemberOutcomeJson, RequestEnd } from "@shardcast/protocol";
import type {
  Act,
  BroadcastOutcome,
  CallerOutcome,
  ControlOnLog,
  Effect,
  EndOnLog,
  FaultDone,
  HandlerStart,
  History,
  MarkOnLog,
  ProgressSample,
  RecordedOutcome,
  ReplyOnLog,
  RequestOnLog,
} from "../../src/checker/history.ts";

/** An owner's term of a lane, as a forged history speaks of it. */
export interface Owner {
  readonly lane: number;
  readonly token: number;
  readonly member: string;
  readonly incarnation: string;
}

interface Handling {
  /** When the handler's signal fired. Default: it did not. */
  readonly abortedMs?: number;
  readonly attempt?: number;
  readonly outcome?: "done" | "threw";
  readonly lateMs?: number;
}

/**
 * Writes a history event by event; each takes one millisecond. Lawful as long as it is told lawful things, and what it
 * is told is what it writes, whether it is lawful or not.
 */
export class Forge {
  readonly #effects: Effect[] = [];
  readonly #acts: Act[] = [];
  readonly #broadcasts: BroadcastOutcome[] = [];
  readonly #outcomes: CallerOutcome[] = [];
  readonly #requests: RequestOnLog[] = [];
  readonly #recorded: RequestOnLog[] = [];
  readonly #recordedOutcomes: RecordedOutcome[] = [];
  readonly #ends: EndOnLog[] = [];
  readonly #replies: ReplyOnLog[] = [];
  readonly #marks: MarkOnLog[] = [];
  readonly #dead = new Set<string>();
  readonly #control: ControlOnLog[] = [];
  readonly #progress: ProgressSample[] = [];
  readonly #finalProgress: ProgressSample[] = [];
  readonly #faults: FaultDone[] = [];
  readonly #sentMs = new Map<string, number>();
  #tMs = 1_000;
  #replyOffset = 0;

  history(): History {
    return {
      effects: this.#effects,
      acts: this.#acts,
      broadcasts: this.#broadcasts,
      outcomes: this.#outcomes,
      requests: this.#requests,
      recorded: this.#recorded,
      recordedOutcomes: this.#recordedOutcomes,
      ends: this.#ends,
      replies: this.#replies,
      marks: this.#marks,
      dead: this.#dead,
      control: this.#control,
      progress: this.#progress,
      finalProgress: this.#finalProgress,
      faults: this.#faults,
    };
  }

  /** A map that names so many members. */
  map(epoch: number, replicas: number): void {
    this.write({ kind: "map", epoch, replicas, lanes: [0] });
  }

  /** A member at a broadcast: an attempt, and how it ended; undefined while it goes on. */
  act(n: number, member: string, event: "acted" | "failed" | undefined, more: Partial<Act> = {}): void {
    const act = {
      id: `b${n}`,
      n,
      offset: n,
      member,
      incarnation: `${member}-a`,
      attempt: 1,
      lateMs: -9_000,
      ...more,
    };
    this.#acts.push({ ...act, event: "begun", tMs: this.#tMs++ });
    if (event !== undefined) this.#acts.push({ ...act, event, tMs: this.#tMs++ });
  }

  /** A broadcast of the map's epoch, and what both gateways say of it in the end, unless the second says something else. */
  broadcast(
    n: number,
    epoch: number,
    states: Readonly<Record<string, MemberOutcomeJson["state"]>>,
    second?: BroadcastStatusJson | "unknown",
  ): BroadcastStatusJson {
    const status = (members: readonly object[]) =>
      ({ id: `b${n}`, epoch, acceptedMs: 0, expiresMs: 30_000, members }) as unknown as BroadcastStatusJson;
    const accepted = status(Object.keys(states).map((member) => ({ member, state: "waiting" })));
    const told = status(Object.entries(states).map(([member, state]) => ({ member, state })));
    const finals = [told, second === "unknown" ? undefined : (second ?? told)];
    this.#broadcasts.push({ n, id: `b${n}`, acceptedMs: this.#tMs++, accepted, finals });
    return told;
  }

  write(record: ControlRecord): number {
    const offset = this.#control.length;
    this.#control.push({ offset, record });
    return offset;
  }

  /** A member comes up as a new incarnation. */
  up(member: string, incarnation: string): void {
    this.write({ kind: "member", state: "up", member, incarnation, uid: incarnation, leaseMs: 1_500 });
  }

  /** Writes a claim, and has the hook called when it counts. */
  claim(lane: number, member: string, incarnation = `${member}-a`): Owner {
    const claim = {
      kind: "lane",
      state: "owned",
      lane,
      member,
      incarnation,
      uid: incarnation,
      leaseMs: 1_500,
    } as const;
    const token = this.write(claim);
    const owner = { lane, token, member, incarnation };
    this.hook("acquired", owner);
    return owner;
  }

  hook(event: "acquired" | "released", owner: Owner): void {
    this.#effects.push({ event, ...owner, tMs: this.#tMs++ });
  }

  /** In order, by the owner. */
  release(owner: Owner): void {
    this.hook("released", owner);
    this.write({ kind: "lane", state: "released", lane: owner.lane, member: owner.member });
  }

  /** The planner ends a silent member: fenced, the replies marked, the lane released in its name. */
  fence({ lane, member, incarnation, token }: Owner): void {
    this.write({ kind: "member", state: "fenced", member, incarnation });
    this.mark(lane, token);
    this.write({ kind: "lane", state: "released", lane, member });
  }

  mark(lane: number, token: number): void {
    this.#marks.push({ partition: 0, offset: this.#replyOffset++, tokens: new Map([[lane, token]]) });
  }

  /** A caller's request gets on the log. */
  request(key: string, lane = 0): RequestOnLog {
    const n = this.#requests.filter((each) => each.key === key).length + 1;
    const offset = this.#requests.filter((each) => each.lane === lane).length;
    const request = { id: `${key}-${n}`, key, n, lane, offset };
    this.#sentMs.set(request.id, this.#tMs++);
    this.#requests.push(request);
    return request;
  }

  /** The same, to be recorded; sent again where it is given. */
  record(key: string, again?: RequestOnLog): RequestOnLog {
    const n = again?.n ?? this.#recorded.filter((each) => each.key === key).length + 1;
    const request = {
      id: again?.id ?? `kept-${key}-${n}`,
      key,
      n,
      lane: 0,
      offset: 1_000 + this.#recorded.length,
    };
    this.#recorded.push(request);
    return request;
  }

  /** Its end is put on the log by an owner. */
  ended(request: RequestOnLog, { token }: { readonly token: number }, end: RequestEnd, body: string): void {
    const { id, lane } = request;
    const status = end === "replied" ? 200 : 500;
    this.#ends.push({ id, lane, offset: this.#ends.length, token, delivery: 1, end, status, body });
  }

  /** What its caller saw. */
  told({ id, key, n }: RequestOnLog, how: Partial<RecordedOutcome>): void {
    const outcome = { key, n, kind: "idempotent", id, cancelled: false, answers: [], finals: [] } as const;
    this.#recordedOutcomes.push({ ...outcome, ...how });
  }

  start(request: RequestOnLog, owner: Owner, { attempt = 1, lateMs = -1_000 }: Handling = {}): HandlerStart {
    const { token, member, incarnation } = owner;
    const start = {
      ...request,
      event: "start",
      token,
      member,
      incarnation,
      attempt,
      lateMs,
      tMs: this.#tMs++,
    } as const;
    this.#effects.push(start);
    return start;
  }

  end({ lateMs: _, ...start }: HandlerStart, { abortedMs, outcome = "done" }: Handling = {}): void {
    this.#effects.push({ ...start, event: "end", outcome, abortedMs: abortedMs ?? null, tMs: this.#tMs++ });
  }

  handle(request: RequestOnLog, owner: Owner, how: Handling = {}): void {
    this.end(this.start(request, owner, how), how);
  }

  reply({ id }: RequestOnLog, { token }: { readonly token: number }, error?: string): void {
    this.#replies.push({ id, partition: 0, offset: this.#replyOffset++, token, error });
  }

  bury({ id }: RequestOnLog): void {
    this.#dead.add(id);
  }

  conclude(request: RequestOnLog, conclusion: CallerOutcome["conclusion"]): void {
    const { key, n, id } = request;
    const sentMs = this.#sentMs.get(id) ?? 0;
    this.#outcomes.push({ key, n, sentMs, endedMs: this.#tMs++, conclusion });
  }

  answer(request: RequestOnLog, { token }: { readonly token: number }): void {
    const { id, key, n } = request;
    this.conclude(request, { kind: "done", id, answered: { id, key, n, token } });
  }

  /** Handled, replied and answered. */
  serve(request: RequestOnLog, owner: Owner): void {
    this.handle(request, owner);
    this.reply(request, owner);
    this.answer(request, owner);
  }

  commit(lane: number, low: number, doneAbove: readonly number[] = []): void {
    this.#progress.push({ tMs: this.#tMs++, lane, low, doneAbove });
  }

  /** What is committed when all has come to its end. */
  settle(lane: number, low: number, doneAbove: readonly number[] = []): void {
    this.#finalProgress.push({ tMs: this.#tMs++, lane, low, doneAbove });
  }

  fault(kind: string, member: string, forMs = 0): void {
    this.#faults.push({ kind, member, tMs: this.#tMs++, untilMs: this.#tMs + forMs });
  }

  get nowMs(): number {
    return this.#tMs;
  }

  /** Lets time pass. */
  wait(ms: number): void {
    this.#tMs += ms;
  }
}

/** A service in order: member 0 owns lane 0. */
export function forge(): { readonly run: Forge; readonly owner: Owner } {
  const run = new Forge();
  run.up("0", "0-a");
  run.up("1", "1-a");
  return { run, owner: run.claim(0, "0") };
}
