import type { LaneProgress as CommittedProgress, LogRecord } from "@shardcast/log";
import { decodeRequest, ShardcastError } from "@shardcast/protocol";
import pLimit from "p-limit";
import type { Handler } from "../handler.ts";
import { type Execution, execute, type RetryPolicy } from "./execute.ts";
import { KeyChains } from "./key-chains.ts";
import { LaneProgress } from "./lane-progress.ts";
import type { Outcome } from "./outcome.ts";
import type { LaneScope } from "./request.ts";
import type { Settler } from "./settle.ts";

export interface LaneOptions extends RetryPolicy {
  readonly scope: LaneScope;
  readonly handlerFor: (name: string) => Handler | undefined;
  readonly settler: Settler;
  readonly concurrency: number;
  readonly maxQueued: number;
  readonly maxQueuedBytes: number;
  /** Asks the reader to stop and to go on. */
  readonly pause: () => void;
  readonly resume: () => void;
}

/**
 * Executes one lane. Records come in log order; keys run side by side, one request at a time per key (C1). A key goes on
 * to its next request only when what came of the last one is on the log, so that what is recorded as done of a key is
 * always a prefix of it: after a crash the rest of the key runs again, in order, and nothing before it.
 */
export class Lane {
  readonly #options: LaneOptions;
  readonly #execution: Execution;
  readonly #progress: LaneProgress;
  readonly #keys = new KeyChains();
  /** Keys with a request that did not end: what follows it may not run before it, here or after a restart (C1). */
  readonly #parked = new Set<string>();
  readonly #draining = new AbortController();
  /** Fires when no handler may start any more: on a drain, or when the lane is lost. */
  readonly #halted: AbortSignal;
  /** Read but not yet admitted; the reader is paused while there are any (C7). */
  #backlog: LogRecord[] = [];
  /** Offset above everything that was accepted. */
  #next: number;
  #begun = false;
  #queued = 0;
  #queuedBytes = 0;
  #running = 0;
  #idle: (() => void)[] = [];
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
    return this.#queued + this.#backlog.length;
  }

  accept(records: readonly LogRecord[]): void {
    if (this.#halted.aborted) return;
    // The reader delivers each once. Should it ever not, a request would run beside itself.
    const fresh = records.filter(({ offset }) => offset >= this.#next);
    this.#next = (fresh.at(-1)?.offset ?? this.#next - 1) + 1;
    if (this.#backlog.length === 0) this.#backlog = fresh;
    else this.#backlog.push(...fresh);
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
    this.#options.pause();
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** All progress there is. */
  snapshot(): CommittedProgress {
    return { lane: this.#options.scope.lane, ...this.#progress.snapshot() };
  }

  /** Progress to commit, undefined when nothing changed since the last call that was confirmed. */
  progress(): { readonly progress: CommittedProgress; readonly confirm: () => void } | undefined {
    const progress = this.snapshot();
    const text = textOf(progress);
    if (text === this.#committed) return undefined;
    const confirm = () => {
      this.#committed = text;
    };
    return { progress, confirm };
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

  #admit(): void {
    const { maxQueued, maxQueuedBytes } = this.#options;
    let admitted = 0;
    for (const record of this.#backlog) {
      if (this.#queued >= maxQueued || this.#queuedBytes >= maxQueuedBytes) break;
      if (!this.#progress.hasRoomFor(record.offset)) break;
      admitted++;
      if (this.#progress.admit(record.offset)) this.#enqueue(record);
    }
    if (admitted === this.#backlog.length) this.#backlog = [];
    else this.#backlog.splice(0, admitted);
  }

  #enqueue(record: LogRecord): void {
    const key = record.key?.toString("latin1") ?? "";
    if (this.#parked.has(key)) return;
    const bytes = record.value?.byteLength ?? 0;
    this.#queued++;
    this.#queuedBytes += bytes;
    this.#keys.run(key, async () => {
      const done = !this.#halted.aborted && !this.#parked.has(key) && (await this.#run(record));
      this.#queued--;
      this.#queuedBytes -= bytes;
      if (done) this.#progress.complete(record.offset);
      else this.#parked.add(key);
      if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
      this.#goOn();
    });
  }

  /** True when the request has ended and what came of it is on the log. */
  async #run(record: LogRecord): Promise<boolean> {
    this.#running++;
    const { scope, settler } = this.#options;
    const { offset } = record;
    const complete = () => this.#progress.complete(offset);
    try {
      const origin = `${record.topic}-${record.partition}-${offset}`;
      const decoded = decodeRequest(record, scope.service, origin);
      if (decoded.kind === "cancel") return true;
      if (decoded.kind === "malformed") {
        const error = new ShardcastError(decoded.code, decoded.reason);
        await settler.settle(record, undefined, { kind: "exhausted", error, attempts: 0 }, complete);
        return true;
      }
      const { request } = decoded;
      const handler = this.#options.handlerFor(request.handler);
      const outcome: Outcome =
        handler === undefined
          ? { kind: "failed", error: unknownHandler(request.handler), attempts: 0 }
          : await execute(handler, request, offset, this.#execution);
      await settler.settle(record, request, outcome, complete);
      return outcome.kind !== "abandoned";
    } catch (error) {
      // Only an abort ends here in the ordinary course; the request stays on the log for the next owner.
      if (!scope.over.aborted) scope.logger.error({ err: error, offset }, "request not finished; key parked");
      return false;
    } finally {
      this.#running--;
    }
  }
}

function textOf({ offset, metadata }: Pick<CommittedProgress, "offset" | "metadata">): string {
  return `${offset}:${metadata}`;
}

function unknownHandler(name: string): ShardcastError {
  const detail =
    name === "" ? "the request names no handler and there is no default one" : `there is no handler ${name}`;
  return new ShardcastError("SHARDCAST_UNKNOWN_HANDLER", detail);
}
