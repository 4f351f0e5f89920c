import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { Application, Health } from "./application.ts";

export interface PresenceOptions {
  /** Is asked; without one, whether anybody listens at the application's port. */
  readonly healthUrl: URL | undefined;
  /** Between two questions, milliseconds. */
  readonly intervalMs: number;
  readonly logger: Logger;
}

/** How long the application may be away before somebody acts, milliseconds. */
export interface Patience {
  /** With an application that nobody reaches. */
  readonly goneMs: number;
  /** With one that is there and not well. */
  readonly unwellMs: number;
}

type Standing =
  | { readonly kind: "unknown" }
  | { readonly kind: "well" }
  /** `sinceMs` is monotonic; `goneSinceMs` is there once it could not be reached. */
  | { readonly kind: "away"; readonly sinceMs: number; readonly goneSinceMs: number | undefined };

/** Whether the application is there and well: asked all the time, and told at once by who could not reach it. */
export class Presence {
  readonly #application: Pick<Application, "health">;
  readonly #options: PresenceOptions;
  #standing: Standing = { kind: "unknown" };
  #changed = Promise.withResolvers<void>();

  constructor(application: Pick<Application, "health">, options: PresenceOptions) {
    this.#application = application;
    this.#options = options;
  }

  get isWell(): boolean {
    return this.#standing.kind === "well";
  }

  /** Goes on asking until the signal fires. Rejects never. */
  async watch(signal: AbortSignal): Promise<void> {
    const { healthUrl, intervalMs } = this.#options;
    try {
      for (;;) {
        this.#found(await this.#application.health(healthUrl, signal));
        await delay(intervalMs, undefined, { signal });
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Somebody could not reach it: it is away until a question finds it well. */
  missed(): void {
    this.#found("gone");
  }

  /** Resolves while it is well. @throws the signal's reason */
  async well(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (!this.isWell) await this.#change(signal);
  }

  /** Resolves when it has been away for so long. @throws the signal's reason */
  async awayFor(patience: Patience, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const leftMs = this.#leftMs(patience);
      if (leftMs <= 0) return;
      await this.#change(signal, leftMs);
    }
  }

  #leftMs({ goneMs, unwellMs }: Patience): number {
    const standing = this.#standing;
    if (standing.kind !== "away") return Number.POSITIVE_INFINITY;
    const { sinceMs, goneSinceMs = Number.POSITIVE_INFINITY } = standing;
    return Math.min(sinceMs + unwellMs, goneSinceMs + goneMs) - performance.now();
  }

  #found(health: Health): void {
    const { logger } = this.#options;
    const before = this.#standing;
    if (health === "well") {
      if (before.kind === "well") return;
      if (before.kind === "away") logger.info("the application is well again");
      this.#standing = { kind: "well" };
    } else {
      const nowMs = performance.now();
      const away = before.kind === "away" ? before : { sinceMs: nowMs, goneSinceMs: undefined };
      const goneSinceMs = away.goneSinceMs ?? (health === "gone" ? nowMs : undefined);
      if (before.kind === "away" && goneSinceMs === before.goneSinceMs) return;
      if (before.kind === "unknown") logger.info({ health }, "waiting for the application");
      if (before.kind === "well") logger.warn({ health }, "the application is away; requests wait for it");
      this.#standing = { kind: "away", sinceMs: away.sinceMs, goneSinceMs };
    }
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  /** Resolves with the next change, or after so long. @throws the signal's reason */
  async #change(signal: AbortSignal, withinMs = Number.POSITIVE_INFINITY): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    const timer = Number.isFinite(withinMs) ? setTimeout(resolve, Math.ceil(withinMs)) : undefined;
    try {
      await Promise.race([this.#changed.promise, promise]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    }
  }
}
