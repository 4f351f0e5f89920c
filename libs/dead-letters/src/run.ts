import type { AppendRecord, LogRecord, MemberSession } from "@shardcast/log";
import {
  type DeadLetter,
  decodeDeadLetter,
  encodeRedriven,
  encodeUnpark,
  isShardcastError,
  ShardcastError,
} from "@shardcast/protocol";
import { Batch } from "./batch.ts";
import { encodeCursor, type Stretch } from "./cursor.ts";
import { type ParkedLetter, parkedLettersOf } from "./parked-letters.ts";
import { fits } from "./selection.ts";
import type {
  LetterOutcome,
  Plan,
  SettleOptions,
  SettleParts,
  SettleReport,
  SkipReason,
  Unparking,
} from "./settling.ts";

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
  readonly #skipped: Partial<Record<SkipReason, number>> = {};
  readonly #outcomes: LetterOutcome[] = [];
  #settled = 0;
  #settledBefore = 0;
  #cursor: string | undefined;
  /** Parked keys that were gone through, with the letter that nothing of the key could pass. */
  readonly #keys = new Map<string, { readonly offset: number; readonly reason: SkipReason } | undefined>();
  /** Offsets of what was settled of them. */
  readonly #settledParked = new Set<number>();
  /** One whose turn has come. */
  #key: Buffer | undefined;
  #unparking: Unparking | undefined;

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
      redriveId: this.#plan.redriveId,
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

  get unparking(): Unparking | undefined {
    return this.#unparking;
  }

  /** False when it has ended before the end of the stretch. */
  async goThrough(stretch: Stretch): Promise<boolean> {
    const { lane, offset, to, low } = stretch;
    let next = offset;
    let edge = offset;
    while (next < to) {
      this.#cursor = encodeCursor({ lane, offset: next });
      if (this.#isOver) return false;
      const batch = this.#batchFrom(edge);
      next = await this.#parts.scanner.scan(lane, next, to, (record) => this.#take(batch, record));
      await this.#commit(batch, lane, low);
      this.#count(batch);
      edge = batch.edge;
      await this.#keepRate(batch);
      const key = this.#key;
      this.#key = undefined;
      if (key === undefined) continue;
      this.#cursor = encodeCursor({ lane, offset: next });
      if (!(await this.#goThroughKey(key, stretch))) return false;
    }
    if (!(await this.#endKey(stretch))) return false;
    this.#cursor = undefined;
    return true;
  }

  get #isOver(): boolean {
    return this.#options.signal?.aborted === true || this.#outcomes.length >= this.#options.limit;
  }

  #batchFrom(edge: number): Batch {
    const settled = Math.min(MAX_BATCH, Math.max(1, Math.floor(this.#plan.ratePerSecond ?? MAX_BATCH)));
    return new Batch(edge, { settled, matched: this.#options.limit - this.#outcomes.length });
  }

  async #keepRate({ settled }: Batch): Promise<void> {
    const { ratePerSecond } = this.#plan;
    if (ratePerSecond === undefined || this.#session === undefined || settled === 0) return;
    await pause((settled / ratePerSecond) * 1000, this.#options.signal);
  }

  /** A key that was asked for may be parked and have no letter left. */
  async #endKey(stretch: Stretch): Promise<boolean> {
    if (this.#options.key === undefined) return true;
    const key = Buffer.from(this.#options.key);
    if (!this.#parts.follower.parked(stretch.lane).has(key) || this.#keys.has(textOf(key))) return true;
    return this.#goThroughKey(key, stretch);
  }

  /**
   * Settles the letters of a parked key in the order of the key, whatever else lies between them: a redrive from the first one
   * on, as far as they are wanted. With the last one goes what unparks it. False when it has ended before.
   */
  async #goThroughKey(key: Buffer, stretch: Stretch): Promise<boolean> {
    const { lane, to, low } = stretch;
    const found = await parkedLettersOf(this.#parts, key, stretch, (letter) => this.#isWanted(letter));
    const stop = this.#plan.how === "redriven" ? found.letters.find(({ isWanted }) => !isWanted) : undefined;
    const letters =
      stop === undefined
        ? found.letters.filter(({ isWanted }) => isWanted)
        : found.letters.slice(0, found.letters.indexOf(stop));
    const isAll = found.whole && letters.length === found.letters.length;
    const unpark = isAll ? this.#unpark(key, lane, to - 1) : undefined;
    let next = 0;
    do {
      if (this.#isOver) return false;
      const batch = this.#batchFrom(letters[next]?.offset ?? to);
      const end = endOfAscent(letters, next);
      const reached = await this.#takeParked(batch, letters.slice(next, end), stretch);
      next = reached.stopped === undefined ? next + reached.taken : letters.length;
      const isLast = next >= letters.length && reached.stopped === undefined;
      await this.#commit(batch, lane, low, isLast ? unpark : undefined);
      this.#count(batch);
      if (isLast && unpark !== undefined) this.#unparking = { lane, upTo: to - 1 };
      if (next >= letters.length) this.#keys.set(textOf(key), reached.stopped);
      await this.#keepRate(batch);
    } while (next < letters.length);
    return true;
  }

  /** Takes letters, whose offsets ascend, into a batch; says how many of them are behind it, and which one can not be sent. */
  async #takeParked(batch: Batch, letters: readonly ParkedLetter[], { lane, to }: Stretch) {
    const [first] = letters;
    const last = letters.at(-1);
    let taken = 0;
    let stopped: { readonly offset: number; readonly reason: SkipReason } | undefined;
    if (first === undefined || last === undefined) return { taken, stopped };
    const end = last.offset + 1;
    const next = await this.#parts.scanner.scan(lane, first.offset, end, (record) => {
      if (batch.isFull || this.#options.signal?.aborted) return false;
      const letter = decodeDeadLetter(record);
      // Retention may have removed some meanwhile.
      while ((letters[taken]?.offset ?? end) < record.offset) taken++;
      const place = letters[taken];
      if (letter === undefined) batch.noLetter();
      else if (place?.offset !== record.offset) batch.leave(record);
      else {
        const { offset } = record;
        const verdict = this.#plan.judge(record, letter, { place: place.place, upTo: to - 1 });
        if (verdict.kind === "skip") {
          stopped = { offset, reason: verdict.reason };
          return false;
        }
        const { id } = letter;
        batch.settle(record, verdict.request);
        const which = { lane, offset, ...(id === undefined ? {} : { id }) };
        batch.outcomes.push({ ...which, outcome: this.#plan.how });
        this.#settledParked.add(offset);
        taken++;
      }
      return true;
    });
    return { taken: next >= end ? letters.length : taken, stopped };
  }

  #unpark(key: Buffer, lane: number, upTo: number): AppendRecord {
    const { service, topics } = this.#parts;
    const said = encodeUnpark(service, { redriveId: this.#plan.redriveId, key, upTo });
    return { topic: topics.requests.name, partition: lane, ...said };
  }

  #isWanted(letter: DeadLetter): boolean {
    const isNamed = this.#ids === undefined || (letter.id !== undefined && this.#ids.has(letter.id));
    return isNamed && fits(letter, this.#options);
  }

  #take(batch: Batch, record: LogRecord): boolean {
    if (batch.isFull || this.#options.signal?.aborted) return false;
    const letter = decodeDeadLetter(record);
    if (letter === undefined) {
      batch.noLetter();
      return true;
    }
    const { partition: lane, offset } = record;
    if (this.#settledParked.has(offset)) {
      batch.leave(record);
      return true;
    }
    const { id } = letter;
    const isWanted = this.#isWanted(letter);
    const isSettled = isWanted && this.#parts.follower.lane(lane).has(offset);
    if (isSettled) batch.settledBefore++;
    if (!isWanted || isSettled) {
      batch.leave(record);
      return true;
    }
    const which = { lane, offset, ...(id === undefined ? {} : { id }) };
    if (letter.why.parked && letter.key !== null && this.#parts.follower.parked(lane).has(letter.key)) {
      const text = textOf(letter.key);
      if (!this.#keys.has(text)) {
        this.#key = letter.key;
        return false;
      }
      const stopped = this.#keys.get(text);
      const reason = stopped?.offset === offset ? stopped.reason : "behind-parked";
      batch.leave(record);
      batch.outcomes.push({ ...which, outcome: "skipped", reason });
      return true;
    }
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
  async #commit(
    { requests, spans, settledBefore }: Batch,
    lane: number,
    low: number,
    unpark?: AppendRecord,
  ): Promise<void> {
    if (this.#session === undefined) return;
    // With nothing but letters that are settled, a commit without records: another redrive may have settled them just now.
    if (spans.length === 0 && settledBefore === 0 && unpark === undefined) return;
    const { service, topics, follower } = this.#parts;
    const said = {
      redriveId: this.#plan.redriveId,
      how: this.#plan.how,
      atMs: Date.now(),
      low,
      letters: spans,
    };
    const marker = { topic: topics.dead.name, partition: lane, ...encodeRedriven(said) };
    const behind = unpark === undefined ? [] : [unpark];
    const records = [...requests, ...behind, ...(spans.length === 0 ? [] : [marker])];
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

/** Index behind the letters whose offsets ascend from there: one scan finds them all. */
function endOfAscent(letters: readonly ParkedLetter[], from: number): number {
  let end = from + 1;
  while (end < letters.length && offsetOf(letters, end) > offsetOf(letters, end - 1)) end++;
  return end;
}

function offsetOf(letters: readonly ParkedLetter[], index: number): number {
  return letters[index]?.offset ?? 0;
}

function textOf(key: Buffer): string {
  return key.toString("latin1");
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
