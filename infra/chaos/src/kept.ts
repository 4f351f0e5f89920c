import { ChaosProcess, type Exit, type ProcessSpec } from "./process.ts";

type State =
  | { readonly kind: "off" }
  | {
      readonly kind: "on";
      readonly process: ChaosProcess;
      readonly ready: Promise<void>;
      frozen: NodeJS.Timeout | undefined;
    }
  /** Will be started again. */
  | { readonly kind: "down"; readonly timer: NodeJS.Timeout; readonly up: Promise<void> }
  | { readonly kind: "ending"; readonly ended: Promise<void> };

/** As a kubelet would, after a process has ended by itself. */
const RESTART_MS = 300;
const STOP_LIMIT_MS = 25_000;

/** A process that is started again when it ends, as a StatefulSet keeps a pod; and what can be done to it. */
export class Kept {
  readonly #spec: ProcessSpec;
  readonly #onUnasked: (name: string, exit: Exit) => void;
  #state: State = { kind: "off" };

  constructor(spec: ProcessSpec, onUnasked: (name: string, exit: Exit) => void) {
    this.#spec = spec;
    this.#onUnasked = onUnasked;
  }

  get on(): boolean {
    return this.#state.kind === "on";
  }

  start(): void {
    if (this.#state.kind !== "off" && this.#state.kind !== "down") return;
    const process = new ChaosProcess(this.#spec);
    const { promise: ready, resolve } = Promise.withResolvers<void>();
    process.onReady(resolve);
    const state: State = { kind: "on", process, ready, frozen: undefined };
    this.#state = state;
    void process.exited.then((exit) => {
      resolve(); // nobody shall wait for what will not come
      clearTimeout(state.frozen);
      if (this.#state !== state) return;
      this.#onUnasked(this.#spec.name, exit);
      this.#downFor(RESTART_MS);
    });
  }

  /** Neither runs nor ends. */
  get frozen(): boolean {
    return this.#state.kind === "on" && this.#state.frozen !== undefined;
  }

  /** Resolves when it runs and has said that it is ready, or has ended instead. */
  async ready(): Promise<void> {
    if (this.#state.kind === "down") await this.#state.up;
    if (this.#state.kind === "on") await this.#state.ready;
  }

  /** SIGKILL. */
  kill(downMs: number): void {
    if (this.#state.kind !== "on") return;
    const { process } = this.#state;
    this.#downFor(downMs);
    process.kill("SIGKILL");
  }

  /** SIGSTOP, and SIGCONT after this time. */
  freeze(forMs: number): void {
    const state = this.#state;
    if (state.kind !== "on") return;
    state.process.kill("SIGSTOP");
    clearTimeout(state.frozen);
    state.frozen = setTimeout(() => thaw(state), forMs);
  }

  shiftClock(byMs: number): void {
    if (this.#state.kind === "on") this.#state.process.shiftClock(byMs);
  }

  /** Undoes what is being done to it. */
  heal(): void {
    const state = this.#state;
    if (state.kind === "down") {
      clearTimeout(state.timer);
      this.start();
    }
    if (state.kind !== "on") return;
    thaw(state);
    state.process.shiftClock(0);
  }

  /** SIGTERM; SIGKILL for one that does not end by itself. Resolves when it has ended. */
  async stop(): Promise<void> {
    const state = this.#state;
    if (state.kind === "ending") return state.ended;
    if (state.kind === "down") clearTimeout(state.timer);
    if (state.kind !== "on") {
      this.#state = { kind: "off" };
      return;
    }
    clearTimeout(state.frozen);
    const ended = this.#end(state.process);
    this.#state = { kind: "ending", ended };
    await ended;
    this.#state = { kind: "off" };
  }

  async #end(process: ChaosProcess): Promise<void> {
    process.kill("SIGTERM");
    process.kill("SIGCONT");
    const force = setTimeout(() => {
      this.#onUnasked(`${this.#spec.name} did not stop`, { code: null, signal: "SIGKILL" });
      process.kill("SIGKILL");
    }, STOP_LIMIT_MS);
    await process.exited;
    clearTimeout(force);
  }

  #downFor(ms: number): void {
    const { promise: up, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.start();
      resolve();
    }, ms);
    this.#state = { kind: "down", timer, up };
  }
}

function thaw(state: Extract<State, { kind: "on" }>): void {
  clearTimeout(state.frozen);
  state.frozen = undefined;
  state.process.kill("SIGCONT");
}
