import type { LaneProgress as CommittedProgress, LogRecord } from "@shardcast/log";
import { decodeRequest, ShardcastError } from "@shardcast/protocol";
import pLimit, { type LimitFunction } from "p-limit";
import { execute, type RetryPolicy } from "./execute.ts";
import type { Handler } from "./handler.ts";
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
 * to its next request only when what came of the last one is on the log, so that after a crash no request of a key is
 * ever handled again behind a later one of it.
 */
export class Lane {
  readonly #options: LaneOptions;
  readonly #progress: LaneProgress;
  readonly #keys = new KeyChains();
  readonly #slots: LimitFunction;
  /** Read but not yet admitted; the reader is paused while there are any (C7). */
  #backlog: LogRecord[] = [];
  #queued = 0;
  #queuedBytes = 0;
  #running = 0;
  #draining = false;
  #idle: (() => void)[] = [];
  #committed = "";

  constructor(options: LaneOptions, from: CommittedProgress) {
    this.#options = options;
    this.#progress = new LaneProgress(from.offset, from.metadata);
    this.#slots = pLimit(options.concurrency);
    this.#committed = `${from.offset}:${from.metadata}`;
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
    if (this.#draining) return;
    if (this.#backlog.length === 0) this.#backlog = [...records];
    else this.#backlog.push(...records);
    this.#admit();
    if (this.#backlog.length > 0) this.#options.pause();
  }

  /** Takes no new request and resolves when none runs any more. What was queued stays on the log. */
  drain(): Promise<void> {
    this.#draining = true;
    this.#backlog = [];
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Progress to commit, undefined when nothing changed since the last call that was confirmed. */
  progress(): { readonly progress: CommittedProgress; readonly confirm: () => void } | undefined {
    const snapshot = this.#progress.snapshot();
    const text = `${snapshot.offset}:${snapshot.metadata}`;
    if (text === this.#committed) return undefined;
    const confirm = () => {
      this.#committed = text;
    };
    return { progress: { lane: this.#options.scope.lane, ...snapshot }, confirm };
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
    const bytes = record.value?.byteLength ?? 0;
    this.#queued++;
    this.#queuedBytes += bytes;
    this.#keys.run(record.key?.toString("latin1") ?? "", async () => {
      const done = !this.#draining && (await this.#run(record));
      this.#queued--;
      this.#queuedBytes -= bytes;
      if (done) this.#progress.complete(record.offset);
      if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
      if (this.#backlog.length === 0 || this.#draining) return;
      this.#admit();
      if (this.#backlog.length === 0) this.#options.resume();
    });
  }

  /** True when the request has ended and what came of it is on the log. */
  async #run(record: LogRecord): Promise<boolean> {
    this.#running++;
    const { scope, settler } = this.#options;
    try {
      const decoded = decodeRequest(
        record,
        scope.service,
        `${record.topic}-${record.partition}-${record.offset}`,
      );
      if (decoded.kind === "malformed") {
        const error = new ShardcastError(decoded.code, decoded.reason);
        await settler.settle(record, undefined, { kind: "exhausted", error, attempts: 0 });
        return true;
      }
      const { request } = decoded;
      const handler = this.#options.handlerFor(request.handler);
      const outcome: Outcome =
        handler === undefined
          ? { kind: "failed", error: unknownHandler(request.handler), attempts: 0 }
          : await execute(handler, request, record.offset, {
              scope,
              slots: this.#slots,
              policy: this.#options,
            });
      await settler.settle(record, request, outcome);
      return outcome.kind !== "abandoned";
    } catch (error) {
      // Only an abort ends here in the ordinary course; the request stays on the log for the next owner.
      if (!scope.signal.aborted)
        scope.logger.error({ err: error, offset: record.offset }, "request not finished");
      return false;
    } finally {
      this.#running--;
    }
  }
}

function unknownHandler(name: string): ShardcastError {
  const detail =
    name === "" ? "the request names no handler and there is no default one" : `there is no handler ${name}`;
  return new ShardcastError("SHARDCAST_UNKNOWN_HANDLER", detail);
}
