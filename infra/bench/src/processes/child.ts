import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

const GUARD = import.meta.resolve("./end-with-parent.ts");
/** kafkajs 2.2.4 sets timers in the past. */
const QUIET = "--disable-warning=TimeoutNegativeWarning";
const STOP_LIMIT_MS = 20_000;
const ANSWER_LIMIT_MS = 60_000;

/** What our processes tell: see `say`. */
export interface ChildMessage {
  readonly kind: string;
  readonly [field: string]: unknown;
}

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Gets each message, for what may come more than once. */
  readonly onMessage?: (message: ChildMessage) => void;
}

/** A process of the cluster under test: started by us, stopped by us, by its pid. */
export class Child {
  readonly #name: string;
  readonly #process: ChildProcess;
  #stopping = false;
  /** Rejects when the process ends without being asked to. */
  readonly #died: Promise<never>;

  constructor(name: string, script: URL | string, { env = {}, onMessage }: ChildOptions = {}) {
    this.#name = name;
    this.#process = fork(new URL(script), {
      env: { ...process.env, ...env },
      execArgv: [...process.execArgv, QUIET, "--import", GUARD],
      serialization: "advanced",
      // Standard output is for figures.
      stdio: ["ignore", 2, 2, "ipc"],
    });
    if (onMessage !== undefined) this.#process.on("message", onMessage);
    this.#died = new Promise((_, reject) => {
      this.#process.once("error", reject);
      this.#process.once("exit", (code, signal) => {
        if (!this.#stopping) reject(new Error(`${name} ended by itself: ${signal ?? `exit code ${code}`}`));
      });
    });
    this.#died.catch(() => {});
  }

  /** The next message of a kind, or why there will be none. */
  async message<T extends { readonly kind: string }>(kind: T["kind"], limitMs = ANSWER_LIMIT_MS): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    const listener = (message: T) => {
      if (message.kind === kind) resolve(message);
    };
    this.#process.on("message", listener);
    try {
      return await this.within(promise, kind, limitMs);
    } finally {
      this.#process.off("message", listener);
    }
  }

  send(job: object): void {
    this.#process.send(job);
  }

  /** Sends a job and waits for its answer. */
  async ask<T extends { readonly kind: string }>(job: object, kind: T["kind"], limitMs?: number): Promise<T> {
    const answer = this.message<T>(kind, limitMs);
    this.send(job);
    return answer;
  }

  /** What is awaited of this process, unless it dies or takes too long. */
  async within<T>(awaited: Promise<T>, what: string, limitMs = ANSWER_LIMIT_MS): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${this.#name}: no ${what} within ${limitMs} ms`)), limitMs);
    });
    try {
      return await Promise.race([awaited, this.#died, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Ends the process by a signal. Resolves to its exit code, null when the signal was what ended it. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.#stopping = true;
    const child = this.#process;
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      const ended = once(child, "exit");
      child.kill(signal);
      await ended;
    }
    return child.exitCode;
  }

  /** SIGTERM, and SIGKILL for one that does not end by itself. */
  async stop(): Promise<void> {
    const force = setTimeout(() => this.#process.kill("SIGKILL"), STOP_LIMIT_MS);
    await this.end("SIGTERM");
    clearTimeout(force);
  }
}
