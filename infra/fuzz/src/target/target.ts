import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Answer, AppendResult, Holdings, Job, PlainRecord } from "./messages.ts";

const START_LIMIT_MS = 30_000;
/** Beyond the limit a job has itself: after that the process hangs. */
const HANG_MS = 15_000;
const STOP_LIMIT_MS = 10_000;

/** The system under test, seen from outside. */
export class Target {
  readonly url: URL;
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess, url: URL) {
    this.#process = child;
    this.url = url;
  }

  /** @param onFault told of uncaught exceptions, and of the end of a process that should live */
  static async start(onFault: (what: string) => void): Promise<Target> {
    const child = fork(new URL(import.meta.resolve("./main.ts")), {
      execArgv: [...process.execArgv.filter((argument) => !argument.startsWith("--test")), "--expose-gc"],
      serialization: "advanced",
      stdio: ["ignore", 2, 2, "ipc"],
    });
    child.on("message", (answer: Answer) => {
      if (answer.kind === "fault") onFault(answer.what);
    });
    child.once("exit", (code, signal) => {
      if (code !== 0) onFault(`the target ended: ${signal ?? `exit code ${code}`}`);
    });
    try {
      const ready = await answerOf(child, "ready", START_LIMIT_MS);
      return new Target(child, new URL(ready.url));
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
  }

  get alive(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  append(records: readonly PlainRecord[], limitMs: number): Promise<AppendResult> {
    return this.#run({ kind: "append", records, limitMs }, limitMs);
  }

  measure(limitMs: number): Promise<Holdings> {
    return this.#run({ kind: "measure", limitMs }, limitMs);
  }

  /** Closes everything in order; rejects when that hangs. */
  close(): Promise<void> {
    return this.#run({ kind: "close" }, STOP_LIMIT_MS);
  }

  /** Ends the process, whatever it does. */
  async kill(): Promise<void> {
    if (!this.alive) return;
    this.#process.removeAllListeners("exit");
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }

  async #run<T>(job: Job, limitMs: number): Promise<T> {
    const answer = answerOf(this.#process, "done", limitMs + HANG_MS);
    this.#process.send(job);
    return (await answer).result as T;
  }
}

async function answerOf<K extends Answer["kind"]>(
  child: ChildProcess,
  kind: K,
  limitMs: number,
): Promise<Extract<Answer, { kind: K }>> {
  const { promise, resolve, reject } = Promise.withResolvers<Extract<Answer, { kind: K }>>();
  const onMessage = (answer: Answer) => {
    if (answer.kind === kind) resolve(answer as Extract<Answer, { kind: K }>);
  };
  const onExit = () => reject(new Error("the target has ended"));
  const timer = setTimeout(
    () => reject(new Error(`the target hangs: nothing within ${limitMs} ms`)),
    limitMs,
  );
  child.on("message", onMessage).once("exit", onExit);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    child.off("message", onMessage).off("exit", onExit);
  }
}
