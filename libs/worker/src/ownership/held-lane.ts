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
   * Starts no handler any more; resolves when none runs, or when the lane's signal has fired: after `withinMs`, or because
   * it is lost. A handler that does not heed it is left behind; what it brings is dropped (C2).
   */
  async drain(withinMs: number): Promise<void> {
    this.#state = { kind: "draining", timer: this.#timeUp(withinMs) };
    await Promise.race([this.execution.drain(), aborted(this.signal)]);
    const state = this.#state as State; // it may have been lost meanwhile
    if (state.kind !== "draining") return;
    clearTimeout(state.timer);
    this.#state = { kind: "releasing" };
  }

  /** Has no more patience than this with what still drains. */
  hurry(withinMs: number): void {
    if (this.#state.kind !== "draining") return;
    clearTimeout(this.#state.timer);
    this.#state = { kind: "draining", timer: this.#timeUp(withinMs) };
  }

  /** Ends it at once: the signal of what runs fires (C2). What has ended is still recorded, unless it is abandoned too. */
  lose(reason: ShardcastError): void {
    if (this.#state.kind === "draining") clearTimeout(this.#state.timer);
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

  #timeUp(withinMs: number): NodeJS.Timeout {
    const why = new ShardcastError("SHARDCAST_CLOSED", `not finished within ${withinMs} ms`);
    return setTimeout(() => this.abandon(why), withinMs);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
