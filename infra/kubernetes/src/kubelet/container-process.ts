import { setMaxListeners } from "node:events";
import type { Gate } from "../api/gate.ts";
import type { ContainerSpec } from "../api/pod.ts";
import { Deadline } from "./deadline.ts";
import { endProcess } from "./end-process.ts";
import { type Target, tryHandler } from "./probes/try-handler.ts";
import { type Health, watchHealth } from "./probes/watch-health.ts";
import { type Exit, type Launch, type ProcessGroup, startProcessGroup } from "./process-group.ts";

export interface ContainerProcessOptions {
  readonly spec: ContainerSpec;
  readonly podIP: string;
  readonly gate: Gate;
  /** In s. */
  readonly graceSeconds: number;
  readonly launch: Launch;
  /** Fires when the container is to end. */
  readonly stop: AbortSignal;
}

export interface Ended {
  readonly exit: Exit;
  readonly reason: string;
  readonly message?: string;
}

/** One life of a container: its process, its hooks and probes, and the commands that run beside it. */
export class ContainerProcess {
  readonly #options: ContainerProcessOptions;
  readonly #beside = new Set<ProcessGroup>();
  readonly #ended = new AbortController();
  #process: ProcessGroup | undefined;
  #isEnding = false;
  #unhealthy: string | undefined;

  constructor(options: ContainerProcessOptions) {
    this.#options = options;
    setMaxListeners(0, this.#ended.signal);
  }

  /** Resolves when it has ended. A program that can not be started has ended with 128, as in a real container. */
  async run(told: { running(pid: number): void; health(health: Health): void }): Promise<Ended> {
    const { spec, gate, stop, launch } = this.#options;
    try {
      this.#process = await startProcessGroup(launch);
    } catch (error) {
      return { exit: { code: 128 }, reason: "StartError", message: (error as Error).message };
    }
    const { pid, exited } = this.#process;
    // The machine may have been frozen while it began.
    if (gate.isClosed) this.#process.signal("SIGSTOP");
    void exited.then(() => this.#ended.abort());
    const { postStart } = spec.lifecycle ?? {};
    const begun = postStart === undefined || (await tryHandler(postStart, this.#target, this.#ended.signal));
    told.running(pid);
    if (begun && !this.#ended.signal.aborted) {
      watchHealth({
        ...{ target: this.#target, gate, ended: this.#ended.signal, ending: stop },
        changed: (health) => {
          if (!this.#ended.signal.aborted) told.health(health);
        },
        unhealthy: (which, { terminationGracePeriodSeconds }) =>
          this.#fail(`${which} probe failed`, terminationGracePeriodSeconds),
      });
    }
    if (!begun) this.#fail("postStart hook failed");
    const exit = await exited;
    for (const group of this.#beside) group.signal("SIGKILL");
    const reason = exit.code === 0 ? "Completed" : "Error";
    return this.#unhealthy === undefined ? { exit, reason } : { exit, reason, message: this.#unhealthy };
  }

  /** Ends it in good order until the deadline. */
  end(deadline: AbortSignal): void {
    const { spec, gate } = this.#options;
    const { preStop } = spec.lifecycle ?? {};
    const process = this.#process;
    if (process === undefined || this.#ended.signal.aborted) return;
    if (this.#isEnding) {
      // A failed probe ends it already, and may have left it longer.
      const force = () => void gate.passed().then(() => this.signal("SIGKILL"));
      deadline.addEventListener("abort", force, { once: true, signal: this.#ended.signal });
      return;
    }
    this.#isEnding = true;
    void endProcess({
      ...{ process, deadline, gate },
      preStop: preStop && ((signal) => tryHandler(preStop, this.#target, signal)),
    });
  }

  signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    for (const group of this.#beside) group.signal(signal);
    if (!this.#ended.signal.aborted) this.#process?.signal(signal);
  }

  get #target(): Target {
    const { spec: container, podIP } = this.#options;
    return { container, podIP, exec: (command, signal) => this.#exec(command, signal) };
  }

  async #exec(command: readonly string[], signal: AbortSignal): Promise<number> {
    const { launch, gate } = this.#options;
    await gate.passed();
    const group = await startProcessGroup({ ...launch, command: command.map(launch.path) });
    this.#beside.add(group);
    const force = () => group.signal("SIGKILL");
    if (signal.aborted) force();
    signal.addEventListener("abort", force, { once: true });
    const { code } = await group.exited;
    signal.removeEventListener("abort", force);
    this.#beside.delete(group);
    return code;
  }

  #fail(reason: string, graceSeconds = this.#options.graceSeconds): void {
    this.#unhealthy ??= reason;
    const deadline = new Deadline(Date.now() + graceSeconds * 1_000);
    this.end(deadline.signal);
    this.#ended.signal.addEventListener("abort", () => deadline.clear(), { once: true });
  }
}
