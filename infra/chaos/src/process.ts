import { type ChildProcess, fork } from "node:child_process";
import { closeSync, openSync } from "node:fs";

const GUARD = new URL("./end-with-parent.ts", import.meta.url).href;
const CLOCK = new URL("./clock-shift.ts", import.meta.url).href;
/** kafkajs 2.2.4 sets timers in the past. */
const QUIET = "--disable-warning=TimeoutNegativeWarning";

export interface ProcessSpec {
  readonly name: string;
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  /** Takes what it prints, behind what earlier ones have printed. */
  readonly logFile: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const running = new Set<ChildProcess>();
process.once("exit", () => {
  // Also those that are stopped, which can not notice that we are gone.
  for (const child of running) child.kill("SIGKILL");
});

/** A process of the cluster under test. It does not outlive this one. */
export class ChaosProcess {
  readonly #child: ChildProcess;
  readonly exited: Promise<Exit>;

  constructor({ script, env, logFile }: ProcessSpec) {
    const log = openSync(logFile, "a");
    this.#child = fork(script, {
      env: { ...process.env, ...env },
      execArgv: ["--conditions=@shardcast/source", QUIET, "--import", GUARD, "--import", CLOCK],
      stdio: ["ignore", log, log, "ipc"],
    });
    closeSync(log);
    running.add(this.#child);
    this.exited = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("exit", (code, signal) => {
        running.delete(this.#child);
        resolve({ code, signal });
      });
    });
  }

  /** Calls back each time when the process says that it is ready. */
  onReady(listener: () => void): void {
    this.#child.on("message", (message) => {
      if ((message as { kind?: unknown }).kind === "ready") listener();
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Moves its wall clock away from the host's. */
  shiftClock(byMs: number): void {
    if (this.#child.connected) this.#child.send({ kind: "shift-clock", byMs }, () => {});
  }
}
