import { Writable } from "node:stream";
import { connectHttp, type HttpClient } from "@shardcast/http-client";
import { Interrupted, type Output, runCli, type World } from "../../src/index.ts";

export interface Terminal {
  readonly columns: number;
  readonly rows: number;
}

/** A stream that keeps what is written; with a size it is a terminal. */
export class Kept extends Writable {
  readonly isTTY: boolean;
  readonly columns: number;
  readonly rows: number;
  text = "";

  constructor(terminal?: Terminal) {
    super({ decodeStrings: false });
    this.isTTY = terminal !== undefined;
    this.columns = terminal?.columns ?? 0;
    this.rows = terminal?.rows ?? 0;
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface WorldOptions extends Partial<Omit<World, "signal">> {
  /** What commands talk to; without one nothing may be called. */
  readonly client?: Partial<HttpClient>;
  readonly terminal?: Terminal;
  readonly stop?: AbortController;
}

/** One call of the CLI in this process. */
export async function run(args: readonly string[], options: WorldOptions = {}): Promise<Run> {
  const { client, terminal, stop = new AbortController(), ...rest } = options;
  const stdout = new Kept(terminal);
  const stderr = new Kept();
  const world: World = {
    env: { HOME: "/nowhere" },
    cwd: "/nowhere",
    stdin: (async function* () {})(),
    stdout: stdout as Output,
    stderr: stderr as Output,
    signal: stop.signal,
    connect: (options) => {
      // What is wrong with the options is told as by the real one.
      void connectHttp(options).close();
      return { close: async () => {}, ...client } as HttpClient;
    },
    fetch: () => Promise.reject(new Error("nothing may be fetched")),
    ...rest,
  };
  const code = await runCli(args, world);
  return { code, stdout: stdout.text, stderr: stderr.text };
}

export const interrupt = (stop: AbortController) => stop.abort(new Interrupted("SIGINT"));
