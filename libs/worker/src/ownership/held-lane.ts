import type { LaneProgress } from "@shardcast/log";
import { ShardcastError } from "@shardcast/protocol";
import type { Lane } from "../execution/lane.ts";

/** What a lane that this member owns is doing. Timers and what waits live with their state. */
type State =
  /** Its hook runs; handlers wait. */
  | { readonly kind: "acquiring" }
  | { readonly kind: "owned" }
  /** No handler starts any more; `timer` ends the patience with those that run. */
  | { readonly kind: "draining"; readonly timer: NodeJS.Timeout }
  /** The time of its handlers is over. What has ended is still put on the log; `timer` ends the patience with that. */
  | { readonly kind: "recording"; readonly timer: NodeJS.Timeout | undefined }
  /** Drained: to be committed and released. */
  | { readonly kind: "releasing" }
  | { readonly kind: "gone" };

/** A lane that this member owns, from the claim that counted to the release, or the loss. */
export class HeldLane {
  readonly lane: number;
  /** The fencing token. */
  readonly token: number;
  readonly execution: Lane;
  readonly #handlers: AbortController;
  readonly #over: AbortController;
  readonly #lost = new AbortController();
  #state: State = { kind: "acquiring" };

  /**
   * @param handlers fires the signal of the lane's handlers
   * @param over fires when nothing of the execution counts any more
   */
  constructor(
    lane: number,
    token: number,
    execution: Lane,
    handlers: AbortController,
    over: AbortController,
  ) {
    this.lane = lane;
    this.token = token;
    this.execution = execution;
    this.#handlers = handlers;
    this.#over = over;
  }

  get state(): State["kind"] {
    return this.#state.kind;
  }

  /** Fires when its handlers may not go on: it is lost, or the time to finish is over. */
  get signal(): AbortSignal {
    return this.#handlers.signal;
  }

  /** Fires when it is lost, and only then. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Its handlers may start. */
  begin(): void {
    if (this.#state.kind !== "acquiring") return;
    this.#state = { kind: "owned" };
    this.execution.begin();
  }

  /**
   * Starts no handler any more; resolves when none runs, or when it is lost. After `withinMs` the lane's signal fires; a
   * handler that does not heed it is left behind, and what it brings is dropped (C2). What has ended by then is waited for: it
   * must not run again because the log was away (C10).
   *
   * @param recordWithinMs how long that may take; for ever where absent, since without the log no lane moves
   */
  async drain(withinMs: number, recordWithinMs?: number): Promise<void> {
    this.#state = { kind: "draining", timer: this.#timeUp(withinMs) };
    await Promise.race([this.execution.drain(), aborted(this.signal)]);
    if (!this.#leave("draining")) return;
    if (this.signal.aborted) {
      this.#state = { kind: "recording", timer: this.#giveUp(recordWithinMs) };
      await Promise.race([this.execution.recorded(), aborted(this.#over.signal)]);
      if (!this.#leave("recording")) return;
      this.abandon(new ShardcastError("SHARDCAST_CLOSED", "the time to finish is over"));
    }
    this.#state = { kind: "releasing" };
  }

  /** Has no more patience than this with what still drains. */
  hurry(withinMs: number, recordWithinMs: number): void {
    const { kind } = this.#state;
    if (kind === "draining" && this.#leave(kind)) {
      this.#state = { kind, timer: this.#timeUp(withinMs) };
    } else if (kind === "recording" && this.#leave(kind)) {
      this.#state = { kind, timer: this.#giveUp(recordWithinMs) };
    }
  }

  /** Ends it at once: the signal of what runs fires (C2). What has ended is still recorded, unless it is abandoned too. */
  lose(reason: ShardcastError): void {
    if ("timer" in this.#state) clearTimeout(this.#state.timer);
    this.#state = { kind: "gone" };
    this.#lost.abort(reason);
    this.#handlers.abort(reason);
    void this.execution.drain();
  }

  /** Drops what still waits to be recorded (C4). */
  abandon(reason: ShardcastError): void {
    this.#handlers.abort(reason);
    this.#over.abort(reason);
  }

  /** It was released. */
  end(): void {
    this.#state = { kind: "gone" };
    this.abandon(new ShardcastError("SHARDCAST_CLOSED", "the lane was released"));
  }

  snapshot(): LaneProgress {
    return this.execution.snapshot();
  }

  /** Ends what a state holds; false when it is not in that state any more: it may have been lost meanwhile. */
  #leave(kind: "draining" | "recording"): boolean {
    if (this.#state.kind !== kind) return false;
    clearTimeout(this.#state.timer);
    return true;
  }

  #timeUp(withinMs: number): NodeJS.Timeout {
    const why = new ShardcastError("SHARDCAST_CLOSED", `not finished within ${withinMs} ms`);
    return setTimeout(() => this.#handlers.abort(why), withinMs);
  }

  #giveUp(withinMs: number | undefined): NodeJS.Timeout | undefined {
    if (withinMs === undefined) return undefined;
    const why = new ShardcastError("SHARDCAST_CLOSED", `not recorded within ${withinMs} ms`);
    return setTimeout(() => this.abandon(why), withinMs);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
