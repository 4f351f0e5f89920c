import { type BroadcastEnvelope, fingerprintOf, timeOfRequestId } from "@shardcast/protocol";
import type { Logger } from "pino";
import { BroadcastState } from "./broadcast-state.ts";
import type { BroadcastChange } from "./broadcasts.ts";
import { Roster } from "./roster.ts";
import type { Word } from "./words.ts";

export interface KnownOptions {
  readonly retentionMs: number;
  readonly maxKnown: number;
  readonly maxHeldBytes: number;
  readonly logger: Logger | undefined;
}

/** A broadcast that is known, and where it lies on the log. */
export interface KnownBroadcast {
  readonly state: BroadcastState;
  readonly offset: number;
  /** Of one with an idempotency key: what makes two of them the same (C5). */
  readonly fingerprint?: string;
  /** Somebody has cancelled it. */
  cancelled: boolean;
}

type Listener = (change: BroadcastChange) => void;

/** While the log is read for the first time nothing is known yet of what has ended long ago. */
const MORE_WHILE_RESTORING = 4;

/** All broadcasts that are known, and who listens to them. Bodies are not kept: they are on the log. */
export class KnownBroadcasts {
  readonly #options: KnownOptions;
  /** In the order of the log. */
  readonly #all = new Map<string, KnownBroadcast>();
  readonly #incomplete = new Set<string>();
  /** In the order in which they were completed. */
  readonly #complete = new Set<string>();
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #dropped = { unknown: 0, unexpected: 0, stale: 0, late: 0 };
  #roster = new Roster([]);
  /** What replies take. */
  #bytes = 0;
  /** Those to broadcasts that are not complete. */
  #incompleteBytes = 0;
  #restoring = true;

  constructor(options: KnownOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Of so many not everything final was said. */
  get incompleteCount(): number {
    return this.#incomplete.size;
  }

  /** Replies to those that did not end take so much that more could push one of them out. */
  get full(): boolean {
    return this.#incompleteBytes > this.#options.maxHeldBytes / 2;
  }

  get dropped() {
    return { ...this.#dropped };
  }

  get(id: string): KnownBroadcast | undefined {
    return this.#all.get(id);
  }

  /** In the order of the log. */
  all(): IterableIterator<KnownBroadcast> {
    return this.#all.values();
  }

  *incomplete(): Generator<KnownBroadcast> {
    for (const id of this.#incomplete) {
      const known = this.#all.get(id);
      if (known !== undefined) yield known;
    }
  }

  /** The first with an id counts. */
  take(broadcast: BroadcastEnvelope, offset: number): void {
    const { id, acceptedMs, expected } = broadcast;
    if (this.#all.has(id) || acceptedMs < Date.now() - this.#options.retentionMs) return;
    if (!this.#roster.isOf(expected)) this.#roster = new Roster(expected);
    const state = new BroadcastState(broadcast, this.#roster);
    const isIdempotent = timeOfRequestId(id) === undefined;
    this.#all.set(id, {
      ...{ state, offset, cancelled: false },
      ...(isIdempotent ? { fingerprint: fingerprintOf(broadcast) } : {}),
    });
    (state.complete ? this.#complete : this.#incomplete).add(id);
    this.#tell(id, state, [...state.outcomes]);
    this.#trim();
  }

  cancel(id: string): void {
    const known = this.#all.get(id);
    if (known !== undefined) known.cancelled = true;
  }

  /** The broadcast must be known. @param replaced see {@link BroadcastState.apply} */
  apply(word: Word, replaced: boolean): void {
    const { id } = word;
    const state = this.#all.get(id)?.state;
    if (state === undefined) {
      this.countUnknown(1);
      return;
    }
    const before = state.bytes;
    const effect = state.apply(word, replaced);
    if (effect.kind === "dropped") this.#dropped[effect.why]++;
    if (effect.kind !== "changed") return;
    this.#bytes += state.bytes - before;
    this.#incompleteBytes += state.bytes - before;
    if (state.complete && this.#incomplete.delete(id)) {
      this.#complete.add(id);
      this.#incompleteBytes -= state.bytes;
    }
    this.#tell(id, state, effect.members);
    this.#trim();
  }

  countUnknown(words: number): void {
    this.#dropped.unknown += words;
  }

  /** Everything is known that was on the log in the beginning. */
  restored(): void {
    this.#restoring = false;
    this.#trim();
  }

  watch(id: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    return () => {
      if (listeners.delete(listener) && listeners.size === 0) this.#listeners.delete(id);
    };
  }

  /** Drops what is older than the retention, at most so many. Says whether there may be more. */
  dropOld(most: number): boolean {
    const beforeMs = Date.now() - this.#options.retentionMs;
    let found = 0;
    for (const [id, { state }] of this.#all) {
      if (state.terms.acceptedMs >= beforeMs) return false;
      this.#drop(id);
      if (++found === most) return true;
    }
    return false;
  }

  #tell(id: string, state: BroadcastState, members: BroadcastChange["members"]): void {
    const listeners = this.#listeners.get(id);
    if (listeners === undefined) return;
    const { seq } = state;
    // Built when somebody looks: most acks of a large service change one member of many.
    const change: BroadcastChange = {
      seq,
      members,
      get status() {
        return state.status;
      },
    };
    for (const listener of [...listeners]) listener(change);
  }

  /** C7 */
  #trim(): void {
    const { maxKnown, maxHeldBytes, logger } = this.#options;
    const most = this.#restoring ? MORE_WHILE_RESTORING * maxKnown : maxKnown;
    while (this.#all.size > most || (this.#bytes > maxHeldBytes && this.#all.size > 1)) {
      const id = this.#leastNeeded();
      if (id === undefined) return;
      if (this.#incomplete.has(id))
        logger?.warn({ id }, "too many broadcasts at once; this one is forgotten");
      this.#drop(id);
    }
  }

  /** One that is complete; else one that has a verdict or is over; else the oldest. */
  #leastNeeded(): string | undefined {
    const [complete] = this.#complete;
    if (complete !== undefined) return complete;
    const nowMs = Date.now();
    for (const { state } of this.incomplete()) {
      if (!state.open || state.terms.expiresMs < nowMs) return state.terms.id;
    }
    const [oldest] = this.#incomplete;
    return oldest;
  }

  #drop(id: string): void {
    const bytes = this.#all.get(id)?.state.bytes ?? 0;
    this.#all.delete(id);
    this.#bytes -= bytes;
    if (this.#incomplete.delete(id)) this.#incompleteBytes -= bytes;
    this.#complete.delete(id);
  }
}
