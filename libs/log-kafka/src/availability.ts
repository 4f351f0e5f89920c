import type { Logger } from "pino";

export interface AvailabilityOptions {
  /** Asks the log for anything; must end, by an answer or an error. */
  readonly probe: () => Promise<void>;
  /** Without an answer for this long the log counts as away. */
  readonly unavailableAfterMs: number;
  readonly logger: Logger;
  /** Told of each change, after {@link Availability.available} shows it. */
  readonly onChange: (available: boolean) => void;
}

const PROBE_INTERVAL_MS = 1_000;

type State =
  | { readonly kind: "up"; readonly timer: NodeJS.Timeout }
  | { readonly kind: "probing"; readonly up: boolean; readonly deadline: NodeJS.Timeout }
  | { readonly kind: "down"; readonly timer: NodeJS.Timeout }
  | { readonly kind: "closed" };

/**
 * Knows whether the log answers, by asking it once a second, and says so in the logs once per change, however many
 * calls fail meanwhile. A stopped broker keeps its connections open, so only silence tells.
 */
export class Availability {
  readonly #options: AvailabilityOptions;
  #state: State;
  #downSince = 0;
  #failure: unknown;

  constructor(options: AvailabilityOptions) {
    this.#options = options;
    this.#state = { kind: "up", timer: this.#later(PROBE_INTERVAL_MS) };
  }

  get available(): boolean {
    const state = this.#state;
    return state.kind === "up" || (state.kind === "probing" && state.up);
  }

  /** Why the log counts as away, or counted last. */
  get failure(): unknown {
    return this.#failure;
  }

  /** A call failed as if the log were away: ask now instead of at the next turn. */
  suspect(): void {
    if (this.#state.kind !== "up") return;
    clearTimeout(this.#state.timer);
    void this.#probe(true);
  }

  close(): void {
    const state = this.#state;
    if (state.kind === "up" || state.kind === "down") clearTimeout(state.timer);
    if (state.kind === "probing") clearTimeout(state.deadline);
    this.#state = { kind: "closed" };
  }

  #later(ms: number): NodeJS.Timeout {
    const timer = setTimeout(() => void this.#probe(this.available), ms);
    timer.unref();
    return timer;
  }

  async #probe(up: boolean): Promise<void> {
    const deadline = setTimeout(() => {
      // Our own event loop may have stalled with the answer already in the socket: let it be read first.
      setImmediate(() => this.#silent(deadline));
    }, this.#options.unavailableAfterMs);
    deadline.unref();
    this.#state = { kind: "probing", up, deadline };
    let failure: unknown;
    try {
      await this.#options.probe();
    } catch (error) {
      failure = error ?? new Error("unknown");
    }
    const state = this.#state as State; // it may have changed meanwhile
    if (state.kind === "closed") return;
    clearTimeout(deadline);
    const wasUp = state.kind === "probing" && state.up;
    if (failure === undefined) {
      this.#state = { kind: "up", timer: this.#later(PROBE_INTERVAL_MS) };
      if (!wasUp) this.#tellUp();
    } else {
      // Half to one and a half intervals: many processes must not all ask at once.
      this.#state = { kind: "down", timer: this.#later(PROBE_INTERVAL_MS * (0.5 + Math.random())) };
      this.#failure = failure;
      if (wasUp) this.#tellDown();
    }
  }

  #silent(deadline: NodeJS.Timeout): void {
    const state = this.#state;
    if (state.kind !== "probing" || state.deadline !== deadline || !state.up) return;
    this.#state = { kind: "probing", up: false, deadline };
    this.#failure = new Error(`no answer for ${this.#options.unavailableAfterMs} ms`);
    this.#tellDown();
  }

  #tellDown(): void {
    this.#downSince = performance.now();
    const reason = this.#failure instanceof Error ? this.#failure.message : String(this.#failure);
    this.#options.logger.error({ reason }, "the log is away; calls fail until it answers again");
    this.#options.onChange(false);
  }

  #tellUp(): void {
    const awayMs = Math.round(performance.now() - this.#downSince);
    this.#options.logger.info({ awayMs }, "the log answers again");
    this.#options.onChange(true);
  }
}
