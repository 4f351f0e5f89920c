import type { Gate } from "../api/gate.ts";
import type { ContainerSpec, ContainerStatus, RestartPolicy } from "../api/pod.ts";
import { pause } from "../pause.ts";
import { BackOff } from "./back-off.ts";
import { ContainerProcess } from "./container-process.ts";
import {
  type ContainerState,
  type ContainerView,
  type Role,
  startsAgain,
  type Terminated,
} from "./container-state.ts";
import type { Deadline } from "./deadline.ts";
import type { Health } from "./probes/watch-health.ts";
import type { Launch } from "./process-group.ts";

const PREPARE_AGAIN_MS = 500;

export interface ContainerOptions {
  readonly spec: ContainerSpec;
  readonly role: Role;
  readonly restartPolicy: RestartPolicy;
  /** What a failed probe leaves it, in s. */
  readonly graceSeconds: number;
  readonly podIP: string;
  readonly gate: Gate;
  /** What the API knows of it from a life of its node before this one. */
  readonly before: ContainerStatus | undefined;
  /** How it is run; undefined when there is no such image. Rejects, saying what is missing, and is asked again then. */
  launch(): Promise<Launch | undefined>;
  changed(): void;
}

type Ending = { kind: "none" } | { kind: "orderly"; deadline: Deadline } | { kind: "killed" };
const UNWELL: Health = { started: false, ready: false };

/** One container: a process that is started, watched, and started again as its pod wishes. */
export class Container {
  readonly role: Role;
  readonly #options: ContainerOptions;
  readonly #backOff = new BackOff();
  /** Fires when it is not to be started any more. */
  readonly #stop = new AbortController();
  readonly #started = Promise.withResolvers<void>();
  #ending: Ending = { kind: "none" };
  #state: ContainerState = { kind: "waiting", reason: "PodInitializing" };
  #process: ContainerProcess | undefined;
  #last: Terminated | undefined;
  #health = UNWELL;
  #starts: number;
  #id: string | undefined;

  constructor(options: ContainerOptions) {
    this.#options = options;
    this.role = options.role;
    const { before } = options;
    this.#starts =
      before === undefined ? 0 : before.restartCount + (before.containerID === undefined ? 0 : 1);
  }

  get view(): ContainerView {
    const { name, image = "" } = this.#options.spec;
    const restartCount = Math.max(0, this.#starts - 1);
    return {
      ...{ name, image, restartCount, role: this.role, state: this.#state, last: this.#last, id: this.#id },
      ...this.#health,
    };
  }

  /** Resolves when it has started, as its startup probe sees it, or has ended for good. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** Resolves when it has ended for good. Never rejects. */
  async run(): Promise<void> {
    const { restartPolicy } = this.#options;
    while (!this.#stop.signal.aborted) {
      const launch = await this.#prepared();
      if (launch === undefined) break;
      const ended = await this.#live(launch);
      if (this.#stop.signal.aborted || !startsAgain(this.role, restartPolicy, ended.exit)) break;
      this.#last = ended;
      const waitMs = this.#backOff.after(ended.finishedAt - ended.startedAt);
      const message = `back-off ${waitMs} ms restarting failed container`;
      this.#become({ kind: "waiting", reason: "CrashLoopBackOff", message });
      await pause(waitMs, this.#stop.signal);
    }
    this.#started.resolve();
  }

  /** Ends it in good order until the deadline, then by force. */
  end(deadline: Deadline): void {
    if (this.#ending.kind !== "none") return;
    this.#ending = { kind: "orderly", deadline };
    this.#stop.abort();
    this.#process?.end(deadline.signal);
  }

  kill(): void {
    this.#ending = { kind: "killed" };
    this.#stop.abort();
    this.signal("SIGKILL");
  }

  /** What its pod waits for before it is started. */
  waitFor(message: string): void {
    this.#become({ kind: "waiting", reason: "ContainerCreating", message });
  }

  signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    this.#process?.signal(signal);
  }

  /** How to start it, as soon as that is known; undefined when it is not to be started any more. */
  async #prepared(): Promise<Launch | undefined> {
    const stop = this.#stop.signal;
    while (!stop.aborted) {
      try {
        const launch = await this.#options.launch();
        if (stop.aborted) break;
        if (launch !== undefined) return launch;
        const message = `image ${this.#options.spec.image} stands for no program`;
        this.#become({ kind: "waiting", reason: "ErrImageNeverPull", message });
        await pause(PREPARE_AGAIN_MS, stop);
      } catch (error) {
        if (stop.aborted) break;
        this.#become({
          kind: "waiting",
          reason: "CreateContainerConfigError",
          message: (error as Error).message,
        });
        await pause(PREPARE_AGAIN_MS, stop);
      }
    }
    return undefined;
  }

  /** From its start to its end. */
  async #live(launch: Launch): Promise<Terminated> {
    const { spec, podIP, gate, graceSeconds, changed } = this.#options;
    this.#starts += 1;
    const startedAt = Date.now();
    await gate.passed();
    const process = new ContainerProcess({
      spec,
      podIP,
      gate,
      graceSeconds,
      launch,
      stop: this.#stop.signal,
    });
    this.#process = process;
    const ended = await process.run({
      running: (pid) => {
        this.#id = `process://${pid}-${startedAt}`;
        this.#become({ kind: "running", startedAt });
        // What was said while it was being started.
        if (this.#ending.kind === "killed") process.signal("SIGKILL");
        if (this.#ending.kind === "orderly") process.end(this.#ending.deadline.signal);
      },
      health: (health) => {
        this.#health = health;
        if (health.started) this.#started.resolve();
        changed();
      },
    });
    this.#process = undefined;
    this.#health = UNWELL;
    const state: Terminated = { kind: "terminated", ...ended, startedAt, finishedAt: Date.now() };
    this.#become(state);
    return state;
  }

  #become(state: ContainerState): void {
    this.#state = state;
    this.#options.changed();
  }
}
