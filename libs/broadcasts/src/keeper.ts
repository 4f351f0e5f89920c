import type { Attendance, ControlState } from "@shardcast/control";
import type { ExpectedMember } from "@shardcast/protocol";
import type { Logger } from "pino";
import type { KnownBroadcast, KnownBroadcasts } from "./known-broadcasts.ts";
import { ordinalOf } from "./roster.ts";
import type { KeeperWord } from "./words.ts";

export interface KeeperOptions {
  readonly known: Pick<KnownBroadcasts, "incomplete">;
  readonly state: Pick<ControlState, "map">;
  readonly attendance: Pick<Attendance, "aliveAs" | "quietMs" | "sync">;
  /** Resolves once it is on the log and known here. */
  readonly say: (word: KeeperWord) => Promise<void>;
  readonly logger: Logger | undefined;
  /** Epoch milliseconds. */
  readonly nowMs?: () => number;
  /** From 0 to below 1. */
  readonly random?: () => number;
}

/** Something is to be said of a broadcast. */
type Errand =
  /** Unless somebody else has said it until then. */
  { readonly kind: "waiting"; readonly untilMs: number } | { readonly kind: "saying" };

type Life =
  | { readonly kind: "idle" | "ended" }
  | { readonly kind: "keeping"; readonly timer: NodeJS.Timeout };

const TICK_MS = 200;
/** Spreads the keepers, so that mostly one of them speaks. */
const JITTER_MS = 300;
const RETRY_MS = 1_000;
/** Said at once (C7): the others wait for the next tick. */
const MAX_SAYING = 64;
/** The directory is asked when nothing came for so long: else nobody's silence would count. */
const QUIET_MS = 1_000;

/**
 * Says of broadcasts what no member can say of itself (decision 020). Every process that keeps does, after a short random wait, and
 * only what is still needed then; of what is said twice the first counts.
 */
export class Keeper {
  readonly #options: KeeperOptions;
  readonly #nowMs: () => number;
  readonly #random: () => number;
  readonly #errands = new Map<string, Errand>();
  #saying = 0;
  #asking = false;
  #life: Life = { kind: "idle" };

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? Date.now;
    this.#random = options.random ?? Math.random;
  }

  /** When everything is known that was said before. A tick instead of a timer for each: no time to live is too long for it. */
  begin(): void {
    if (this.#life.kind !== "idle") return;
    this.#life = { kind: "keeping", timer: setInterval(() => this.#tick(), TICK_MS).unref() };
  }

  /** Idempotent. */
  end(): void {
    if (this.#life.kind === "keeping") clearInterval(this.#life.timer);
    this.#life = { kind: "ended" };
    this.#errands.clear();
  }

  #tick(): void {
    const nowMs = this.#nowMs();
    let hasEphemerals = false;
    const needed = new Set<string>();
    for (const known of this.#options.known.incomplete()) {
      const { terms, roster } = known.state;
      hasEphemerals ||= roster.hasEphemerals;
      const word = this.#wordOn(known, nowMs);
      if (word === undefined) continue;
      needed.add(terms.id);
      this.#consider(word, nowMs);
    }
    for (const [id, { kind }] of this.#errands) {
      if (kind === "waiting" && !needed.has(id)) this.#errands.delete(id);
    }
    if (hasEphemerals) this.#listen();
  }

  #consider(word: KeeperWord, nowMs: number): void {
    const errand = this.#errands.get(word.id);
    if (errand === undefined) {
      this.#errands.set(word.id, { kind: "waiting", untilMs: nowMs + this.#random() * JITTER_MS });
    } else if (errand.kind === "waiting" && nowMs >= errand.untilMs && this.#saying < MAX_SAYING) {
      void this.#say(word);
    }
  }

  async #say(word: KeeperWord): Promise<void> {
    const { id } = word;
    this.#errands.set(id, { kind: "saying" });
    this.#saying++;
    let retryMs = 0;
    try {
      await this.#options.say(word);
    } catch (error) {
      this.#options.logger?.debug({ err: error, id }, "could not be said of a broadcast yet");
      retryMs = RETRY_MS;
    }
    this.#saying--;
    if (!this.#errands.has(id)) return; // ended
    if (retryMs === 0) this.#errands.delete(id);
    else this.#errands.set(id, { kind: "waiting", untilMs: this.#nowMs() + retryMs });
  }

  /** What is to be said of a broadcast; undefined for nothing. */
  #wordOn(known: KnownBroadcast, atMs: number): KeeperWord | undefined {
    const { id, expiresMs } = known.state.terms;
    if (known.cancelled) return { kind: "closed", id, atMs, why: "cancelled" };
    if (expiresMs <= atMs) return { kind: "closed", id, atMs, why: "expired" };
    const members = this.#goneOf(known);
    return members.length === 0 ? undefined : { kind: "gone", id, atMs, members };
  }

  #goneOf({ state }: KnownBroadcast): readonly ExpectedMember[] {
    const { map } = this.#options.state;
    // Only by a newer map: the one it was accepted with is that by which they are expected.
    const isNewer = map !== undefined && map.epoch > state.terms.epoch;
    const isScaled = isNewer && state.roster.highest >= map.replicas;
    if (!isScaled && !state.roster.hasEphemerals) return [];
    return state.unfinished().filter(({ member, incarnation }) => {
      if (incarnation !== undefined) return this.#options.attendance.aliveAs(member) !== incarnation;
      const ordinal = ordinalOf(member);
      return isScaled && ordinal !== undefined && ordinal >= map.replicas;
    });
  }

  #listen(): void {
    const { attendance, logger } = this.#options;
    if (this.#asking || attendance.quietMs < QUIET_MS) return;
    this.#asking = true;
    attendance
      .sync()
      .catch((error: unknown) => logger?.debug({ err: error }, "the directory could not be read"))
      .finally(() => {
        this.#asking = false;
      });
  }
}
