import type { Log } from "@shardcast/log";
import type { Directory } from "./directory.ts";

export interface CandidacyOptions {
  readonly log: Log;
  readonly directory: Directory;
  /** This process. */
  readonly holder: string;
  readonly plannerSilentMs: number;
  /** Waits so long even when nobody plans, milliseconds: a take-over has just failed. */
  readonly delayMs: number;
  /** Nobody plans. Called at most once. */
  readonly onVacant: () => void;
}

const TICK_MS = 100;
/** A log that needs so long to tell how far it goes did not answer in between. */
const PROMPT_MS = 1_000;
/** Spreads the candidates, so that mostly one of them tries. */
const VACANT_JITTER_MS = 250;
const SILENT_JITTER_MS = 500;

/** Waits until nobody plans: nobody has begun, the planner has left, or nothing came from it for too long. */
export class Candidacy {
  readonly #options: CandidacyOptions;
  readonly #vacantMs: number;
  readonly #silentMs: number;
  readonly #unwatch: () => void;
  readonly #timer: NodeJS.Timeout;
  /** Since when the log answers and nothing came from a planner. */
  #quietSinceMs = performance.now();
  #asking = false;
  #over = false;

  constructor(options: CandidacyOptions) {
    const { directory, delayMs, plannerSilentMs } = options;
    this.#options = options;
    this.#vacantMs = delayMs + Math.random() * VACANT_JITTER_MS;
    this.#silentMs = Math.max(delayMs, plannerSilentMs + Math.random() * SILENT_JITTER_MS);
    this.#unwatch = directory.watch((change) => {
      // Also what a planner writes that has been replaced and does not know it yet is no sign of one.
      const current = change.kind === "planner" && change.holder === directory.state.planner;
      if (current || (change.kind === "planner" && change.state === "left")) this.#startAnew();
    });
    this.#timer = setInterval(() => void this.#tick(), TICK_MS);
  }

  /** Idempotent. */
  end(): void {
    this.#over = true;
    this.#unwatch();
    clearInterval(this.#timer);
  }

  async #tick(): Promise<void> {
    if (!this.#options.log.available) this.#startAnew();
    if (this.#asking || !this.#isQuietFor(this.#patienceMs())) return;
    if (!(await this.#stillQuiet()) || this.#over) return;
    this.end();
    this.#options.onVacant();
  }

  /** Whether that holds when everything on the log is read: it may have been our own silence, or the log's. */
  async #stillQuiet(): Promise<boolean> {
    this.#asking = true;
    const askedMs = performance.now();
    try {
      await this.#options.directory.sync();
      if (performance.now() - askedMs > PROMPT_MS) this.#startAnew();
    } catch {
      this.#startAnew();
    }
    this.#asking = false;
    return this.#isQuietFor(this.#patienceMs());
  }

  #isQuietFor(ms: number): boolean {
    return performance.now() - this.#quietSinceMs >= ms;
  }

  #patienceMs(): number {
    const { directory, holder } = this.#options;
    const { planner } = directory.state;
    return planner === undefined || planner === holder ? this.#vacantMs : this.#silentMs;
  }

  #startAnew(): void {
    this.#quietSinceMs = performance.now();
  }
}
