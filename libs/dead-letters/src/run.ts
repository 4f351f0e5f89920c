import { randomUUID } from "node:crypto";
import type { LogRecord, MemberSession } from "@shardcast/log";
import { decodeDeadLetter, encodeRedriven, isShardcastError, ShardcastError } from "@shardcast/protocol";
import { Batch } from "./batch.ts";
import { encodeCursor, type Stretch } from "./cursor.ts";
import { fits } from "./selection.ts";
import type { LetterOutcome, Plan, SettleOptions, SettleParts, SettleReport, SkipReason } from "./settle.ts";

/** Letters settled in one commit. */
const MAX_BATCH = 100;

export interface RunOptions extends SettleOptions {
  readonly limit: number;
}

/** One redrive or discard, and how far it has come. */
export class Run {
  readonly #parts: SettleParts;
  readonly #options: RunOptions;
  readonly #plan: Plan;
  /** None where nothing is to be done. */
  readonly #session: MemberSession | undefined;
  readonly #ids: ReadonlySet<string> | undefined;
  readonly #redriveId = randomUUID();
  readonly #skipped: Partial<Record<SkipReason, number>> = {};
  readonly #outcomes: LetterOutcome[] = [];
  #settled = 0;
  #settledBefore = 0;
  #cursor: string | undefined;

  constructor(parts: SettleParts, options: RunOptions, plan: Plan, session: MemberSession | undefined) {
    this.#parts = parts;
    this.#options = options;
    this.#plan = plan;
    this.#session = session;
    this.#ids = options.ids === undefined ? undefined : new Set(options.ids);
  }

  get report(): SettleReport {
    const { how } = this.#plan;
    return {
      redriveId: this.#redriveId,
      dryRun: this.#session === undefined,
      matched: this.#outcomes.length,
      redriven: how === "redriven" ? this.#settled : 0,
      discarded: how === "discarded" ? this.#settled : 0,
      skipped: this.#skipped,
      settledBefore: this.#settledBefore,
      outcomes: this.#outcomes,
      ...(this.#cursor === undefined ? {} : { cursor: this.#cursor }),
    };
  }

  /** False when it has ended before the end of the stretch. */
  async goThrough({ lane, offset, to, low }: Stretch): Promise<boolean> {
    const { limit, signal } = this.#options;
    const { ratePerSecond } = this.#plan;
    const perBatch = Math.min(MAX_BATCH, Math.max(1, Math.floor(ratePerSecond ?? MAX_BATCH)));
    let next = offset;
    let edge = offset;
    while (next < to) {
      this.#cursor = encodeCursor({ lane, offset: next });
      if (signal?.aborted || this.#outcomes.length >= limit) return false;
      const batch = new Batch(edge, { settled: perBatch, matched: limit - this.#outcomes.length });
      next = await this.#parts.scanner.scan(lane, next, to, (record) => this.#take(batch, record));
      await this.#commit(batch, lane, low);
      this.#count(batch);
      edge = batch.edge;
      if (ratePerSecond !== undefined && this.#session !== undefined && batch.settled > 0) {
        await pause((batch.settled / ratePerSecond) * 1000, signal);
      }
    }
    this.#cursor = undefined;
    return true;
  }

  #take(batch: Batch, record: LogRecord): boolean {
    if (batch.isFull || this.#options.signal?.aborted) return false;
    const letter = decodeDeadLetter(record);
    if (letter === undefined) {
      batch.noLetter();
      return true;
    }
    const { partition: lane, offset } = record;
    const { id } = letter;
    const isNamed = this.#ids === undefined || (id !== undefined && this.#ids.has(id));
    const isWanted = isNamed && fits(letter, this.#options);
    const isSettled = isWanted && this.#parts.follower.lane(lane).has(offset);
    if (isSettled) batch.settledBefore++;
    if (!isWanted || isSettled) {
      batch.leave(record);
      return true;
    }
    const which = { lane, offset, ...(id === undefined ? {} : { id }) };
    const verdict = this.#plan.judge(record, letter);
    if (verdict.kind === "skip") {
      batch.leave(record);
      batch.outcomes.push({ ...which, outcome: "skipped", reason: verdict.reason });
    } else {
      batch.settle(record, verdict.request);
      batch.outcomes.push({ ...which, outcome: this.#plan.how });
    }
    return true;
  }

  /** Requests and marker are there together, or not at all: resolves when they are. */
  async #commit({ requests, spans, settledBefore }: Batch, lane: number, low: number): Promise<void> {
    if (this.#session === undefined) return;
    // With nothing but letters that are settled, a commit without records: another redrive may have settled them just now.
    if (spans.length === 0 && settledBefore === 0) return;
    const { service, topics, follower } = this.#parts;
    const said = { redriveId: this.#redriveId, how: this.#plan.how, atMs: Date.now(), low, letters: spans };
    const marker = { topic: topics.dead.name, partition: lane, ...encodeRedriven(said) };
    const records = spans.length === 0 ? [] : [...requests, marker];
    const outcome = await this.#session.commit({ records });
    switch (outcome.kind) {
      case "committed":
        // Not only when it is read back: a page that is asked for now must not show them any more.
        for (const span of spans) follower.lane(lane).add(span);
        return;
      case "fenced":
        throw new ShardcastError("SHARDCAST_FENCED", `another redrive or discard of ${service} has begun`);
      case "broken": {
        const code = isShardcastError(outcome.cause) ? outcome.cause.code : "SHARDCAST_LOG_UNAVAILABLE";
        const detail = `not known whether a commit of ${requests.length} requests was made; the next redrive finds out`;
        throw new ShardcastError(code, detail, { cause: outcome.cause });
      }
    }
  }

  #count({ settled, settledBefore, outcomes }: Batch): void {
    this.#settled += settled;
    this.#settledBefore += settledBefore;
    for (const outcome of outcomes) {
      this.#outcomes.push(outcome);
      if (outcome.outcome !== "skipped") continue;
      this.#skipped[outcome.reason] = (this.#skipped[outcome.reason] ?? 0) + 1;
    }
  }
}

/** Over as soon as the signal fires. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
    function end(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    }
  });
}
