import type { LaneProgress as CommittedProgress, LogRecord } from "@shardcast/log";
import pLimit from "p-limit";
import { AdmittedRequest } from "./admitted-request.ts";
import { Cancels, cancelledBy } from "./cancels.ts";
import { Delays } from "./delays.ts";
import { WINDOW } from "./done-above.ts";
import { cancelled, type Execution, type RetryPolicy } from "./execute.ts";
import { type HandleOptions, handle } from "./handle.ts";
import { KeyChains } from "./key-chains.ts";
import { LaneProgress } from "./lane-progress.ts";
import type { ProgressSource } from "./outbox.ts";
import type { LaneScope } from "./request.ts";

export interface LaneOptions extends RetryPolicy, HandleOptions {
  readonly scope: LaneScope;
  readonly concurrency: number;
  readonly maxQueued: number;
  readonly maxQueuedBytes: number;
  /** Asks the reader to stop and to go on. */
  readonly pause: () => void;
  readonly resume: () => void;
}

/** What has longer to wait than this, and lies far back, waits at the end of the lane. */
const FAR_AHEAD_MS = 60_000;
/** How far requests that are delayed may lie behind: half of what progress can name. */
const FAR_BACK = WINDOW / 2;
/** A queue that is full of requests that wait for later is made room in once in so long. */
const MAKE_ROOM_MS = 1_000;

/**
 * Executes one lane. Records come in log order; keys run side by side, one request at a time per key (C1). A key goes on
 * to its next request only when what came of the last one is on the log, so that what is recorded as done of a key is
 * always a prefix of it: after a crash the rest of the key runs again, in order, and nothing before it. Requests that are
 * delayed or cancelled are not of that order: they end, or begin, by their own time.
 */
export class Lane implements ProgressSource {
  readonly #options: LaneOptions;
  readonly #execution: Execution;
  readonly #progress: LaneProgress;
  readonly #keys = new KeyChains();
  /** Keys with a request that did not end: what follows it may not run before it, here or after a restart (C1). */
  readonly #parked = new Set<string>();
  readonly #draining = new AbortController();
  /** Fires when no handler may start any more: on a drain, or when the lane is lost. */
  readonly #halted: AbortSignal;
  /** Admitted and not ended, in log order. */
  readonly #open = new Set<AdmittedRequest>();
  readonly #cancels = new Cancels();
  readonly #delays = new Delays((request) => this.#chain(request));
  #makingRoom: NodeJS.Timeout | undefined;
  /** Read but not yet admitted; the reader is paused while there are any (C7). */
  #backlog: LogRecord[] = [];
  /** Offset above everything that was accepted. */
  #next: number;
  #begun = false;
  #queuedBytes = 0;
  #running = 0;
  #idle: (() => void)[] = [];
  /** Who waits for everything below an offset. */
  #watched: { readonly offset: number; readonly resolve: () => void }[] = [];
  #committed: string | undefined;

  /**
   * @param from where it goes on; undefined where nothing is known: then with the beginning of the lane
   * @param committed what was committed last; undefined where nothing was
   */
  constructor(
    options: LaneOptions,
    from: CommittedProgress | undefined,
    committed: CommittedProgress | undefined = from,
  ) {
    const { scope, concurrency } = options;
    this.#options = options;
    this.#halted = AbortSignal.any([this.#draining.signal, scope.signal]);
    this.#execution = { scope, halted: this.#halted, slots: pLimit(concurrency), policy: options };
    this.#progress = new LaneProgress(from?.offset ?? 0, from?.metadata ?? "");
    this.#next = this.#progress.lowWaterMark;
    // Nothing yet is committed at once: Kafka's tools then show the lane, also before its first request.
    this.#committed = committed && textOf(committed);
  }

  /** Offset that reading starts at. */
  get position(): number {
    return this.#progress.lowWaterMark;
  }

  /** Requests held in memory. */
  get queued(): number {
    return this.#open.size + this.#backlog.length;
  }

  accept(records: readonly LogRecord[]): void {
    if (this.#halted.aborted) return;
    // The reader delivers each once. Should it ever not, a request would run beside itself.
    const fresh = records.filter(({ offset }) => offset >= this.#next);
    this.#next = (fresh.at(-1)?.offset ?? this.#next - 1) + 1;
    if (this.#backlog.length === 0) this.#backlog = fresh;
    else this.#backlog.push(...fresh);
    for (const record of fresh) {
      const id = cancelledBy(record, this.#options.scope.service);
      if (id !== undefined) this.#cancel(id, record.offset);
    }
    if (this.#begun) this.#admit();
    if (this.#backlog.length > 0) this.#options.pause();
  }

  /** Begins to execute; what was read before has waited for it. */
  begin(): void {
    this.#begun = true;
    this.#goOn();
  }

  /** Starts no handler any more and resolves when none runs. What was not started stays on the log. */
  drain(): Promise<void> {
    this.#draining.abort();
    this.#backlog = [];
    this.#delays.clear();
    clearTimeout(this.#makingRoom);
    this.#options.pause();
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Resolves when everything that was accepted below the offset is done, and that is on the log. */
  doneBelow(offset: number): Promise<void> {
    if (this.#doneBelow >= offset) return Promise.resolve();
    return new Promise((resolve) => this.#watched.push({ offset, resolve }));
  }

  /** Resolves when nothing that has ended is on its way to the log any more. */
  recorded(): Promise<void> {
    return this.#options.settler.idle();
  }

  /** All progress there is. */
  snapshot(also?: ReadonlySet<number>): CommittedProgress {
    return { lane: this.#options.scope.lane, ...this.#progress.snapshot(also) };
  }

  progress(
    also?: ReadonlySet<number>,
  ): { readonly progress: CommittedProgress; readonly confirm: () => void } | undefined {
    const progress = this.snapshot(also);
    const text = textOf(progress);
    if (text === this.#committed) return undefined;
    const confirm = () => {
      this.#committed = text;
    };
    return { progress, confirm };
  }

  complete(offset: number): void {
    this.#progress.complete(offset);
    this.#tellWatched();
  }

  /** Has its progress committed again, though nothing of it changed. */
  recommit(): void {
    this.#committed = undefined;
  }

  #goOn(): void {
    if (this.#backlog.length === 0 || this.#halted.aborted) return;
    this.#admit();
    if (this.#backlog.length === 0) this.#options.resume();
  }

  /** What lies between the records that there are is done with them. */
  get #doneBelow(): number {
    if (!this.#progress.idle) return this.#progress.lowWaterMark;
    return this.#backlog[0]?.offset ?? Number.POSITIVE_INFINITY;
  }

  #tellWatched(): void {
    if (this.#watched.length === 0) return;
    const below = this.#doneBelow;
    const reached = this.#watched.filter(({ offset }) => offset <= below);
    this.#watched = this.#watched.filter(({ offset }) => offset > below);
    for (const { resolve } of reached) resolve();
  }

  #admit(): void {
    let admitted = 0;
    for (const record of this.#backlog) {
      if (this.#isFull() || !this.#progress.hasRoomFor(record.offset)) break;
      admitted++;
      this.#admitOne(record);
    }
    if (admitted === this.#backlog.length) this.#backlog = [];
    else this.#backlog.splice(0, admitted);
    if (this.#delays.size > 0) this.#moveDelayed();
    this.#tellWatched();
  }

  #admitOne(record: LogRecord): void {
    const fresh = this.#progress.admit(record.offset);
    const cancels = cancelledBy(record, this.#options.scope.service);
    if (cancels !== undefined) {
      this.#cancels.admit(cancels, record.offset, fresh);
      this.#endCancels(cancels);
    } else if (fresh) this.#enqueue(record);
  }

  #isFull(): boolean {
    const { maxQueued, maxQueuedBytes } = this.#options;
    return this.#open.size >= maxQueued || this.#queuedBytes >= maxQueuedBytes;
  }

  #enqueue(record: LogRecord): void {
    const key = record.key?.toString("latin1") ?? "";
    if (this.#parked.has(key)) return;
    const request = new AdmittedRequest(record, key);
    this.#open.add(request);
    this.#queuedBytes += request.bytes;
    if (!this.#cancels.none && this.#cancels.covers(request.id, request.offset)) {
      this.#stop(
        request,
        this.#isOpen(request.id, (other) => other !== request),
      );
      this.#chain(request);
      return;
    }
    const untilMs = this.#delayedUntil(request);
    if (untilMs === undefined) this.#chain(request);
    else this.#delays.hold(request, untilMs);
  }

  /** Epoch milliseconds; undefined for a request whose time has come. */
  #delayedUntil(request: AdmittedRequest): number | undefined {
    if (!Object.hasOwn(request.record.headers, "sc-not-before")) return undefined;
    const decoded = request.decode(this.#options.scope.service);
    if (decoded.kind !== "request" || decoded.request.notBeforeMs === undefined) return undefined;
    const { notBeforeMs, deadlineMs = Number.POSITIVE_INFINITY } = decoded.request;
    // One that can not start before its deadline need not wait for longer (C8).
    const untilMs = Math.min(notBeforeMs, deadlineMs + 1);
    return untilMs > Date.now() ? untilMs : undefined;
  }

  #chain(request: AdmittedRequest): void {
    this.#keys.run(request.key, async () => {
      const { state } = request;
      if (state.kind === "ending") return state.ended;
      const done = !this.#halted.aborted && !this.#parked.has(request.key) && (await this.#run(request));
      this.#end(request, done);
    });
  }

  /** True when the request has ended and what came of it is on the log. */
  #run(request: AdmittedRequest): Promise<boolean> {
    request.state = RUNNING;
    return this.#counted(request, handle(request, this, this.#execution, this.#options));
  }

  async #counted(request: AdmittedRequest, task: Promise<boolean>): Promise<boolean> {
    this.#running++;
    try {
      return await task;
    } catch (error) {
      const { scope } = this.#options;
      const { offset } = request;
      // Only an abort ends here in the ordinary course; the request stays on the log for the next owner.
      if (!scope.over.aborted) scope.logger.error({ err: error, offset }, "request not finished; key parked");
      return false;
    } finally {
      this.#running--;
    }
  }

  #end(request: AdmittedRequest, done: boolean): void {
    this.#open.delete(request);
    this.#queuedBytes -= request.bytes;
    if (done) {
      this.#progress.complete(request.offset);
      if (!this.#cancels.none) this.#endCancels(request.id);
    } else this.#parked.add(request.key);
    this.#tellWatched();
    if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
    this.#goOn();
  }

  #cancel(id: string, offset: number): void {
    this.#cancels.read(id, offset);
    let other = this.#isOpen(id, ({ state }) => state.kind === "running" || state.kind === "ending");
    for (const request of this.#open) {
      if (request.id !== id) continue;
      const delayed = request.state.kind === "delayed";
      this.#delays.release(request);
      this.#stop(request, other);
      if (delayed) this.#chain(request);
      other = true;
    }
  }

  /**
   * Cancels a request. One that waits need not wait for its turn, since it does not run (C1).
   *
   * @param other the same request was sent more than once: what becomes of another is for this one as well, in its turn (C5)
   */
  #stop(request: AdmittedRequest, other: boolean): void {
    request.cancellation.request(cancelled(0));
    if (other || request.state.kind !== "queued") return;
    const ended = this.#run(request).then((done) => this.#end(request, done));
    request.state = { kind: "ending", ended };
  }

  #isOpen(id: string, which: (request: AdmittedRequest) => boolean): boolean {
    for (const request of this.#open) if (which(request) && request.id === id) return true;
    return false;
  }

  /** A cancel is done when nothing is left that it has cancelled. What is parked may be it: the next owner sees both. */
  #endCancels(id: string): void {
    if (this.#halted.aborted || this.#parked.size > 0) return;
    if (this.#isOpen(id, ({ cancellation }) => cancellation.requested)) return;
    for (const offset of this.#cancels.takeDone(id)) this.#progress.complete(offset);
  }

  /** Requests that wait for later must not hold up the lane, nor fill its queue. */
  #moveDelayed(): void {
    const stuck = this.#backlog.length > 0;
    const full = stuck && this.#isFull();
    const farBack = (this.#backlog[0]?.offset ?? this.#next) - FAR_BACK;
    if (farBack > this.position) {
      const blocked = stuck && !full && this.#delays.has(this.position);
      for (const request of this.#delays.before(farBack, blocked ? 0 : FAR_AHEAD_MS)) this.#move(request);
    }
    if (full && this.#delays.size * 2 > this.#open.size) this.#makeRoom();
  }

  /** Not at once: the same requests come back, and would go round all the time. */
  #makeRoom(): void {
    this.#makingRoom ??= setTimeout(() => {
      this.#makingRoom = undefined;
      if (this.#halted.aborted || !this.#isFull()) return;
      for (const request of this.#delays.laterHalf()) this.#move(request);
    }, MAKE_ROOM_MS);
  }

  #move(request: AdmittedRequest): void {
    const { scope, settler } = this.#options;
    this.#delays.release(request);
    this.#cancels.moving(request.id);
    request.state = { kind: "moving" };
    scope.logger.debug({ offset: request.offset }, "delayed for long; put at the end of the lane again");
    const moved = settler.moveToEnd(request.record, this).then(() => true);
    void this.#counted(request, moved).then((done) => this.#end(request, done));
  }
}

const RUNNING = { kind: "running" } as const;

function textOf({ offset, metadata }: Pick<CommittedProgress, "offset" | "metadata">): string {
  return `${offset}:${metadata}`;
}
