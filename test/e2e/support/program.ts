import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { onTestFailed, onTestFinished } from "vitest";
import { guardAgainstOrphan } from "../../../infra/kafka/src/orphan-guard.ts";

/** A line of a program's log as pino writes it; what is no JSON comes as `msg` with level 0. */
export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [member: string]: unknown;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program of ours in a process of its own. It ends with the test, however the test ends. */
export interface Program {
  readonly name: string;
  readonly pid: number;
  readonly lines: readonly LogLine[];
  readonly exited: Promise<Exit>;
  readonly running: boolean;
  /** The first line with this message, come or to come. Rejects when the program ends without it. */
  said(msg: string): Promise<LogLine>;
  kill(signal: NodeJS.Signals): void;
}

const SHOWN_LINES = 40;
const SAY_LIMIT_MS = 60_000;

/** Runs a TypeScript file, given with its arguments, with these variables and nothing else of ours. */
export function runProgram(
  name: string,
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): Program {
  const child = spawn(process.execPath, ["--conditions=@shardcast/source", ...command], {
    env: { ...env, PATH: process.env.PATH ?? "" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${name} could not be started`);
  const dismissGuard = guardAgainstOrphan(pid);
  const lines: LogLine[] = [];
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const look of [...waiting]) look();
  };
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (text) => {
      lines.push(parse(text));
      wake();
    });
  }
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  const exited = new Promise<Exit>((resolve) => {
    // "close" comes when all its output has been read as well.
    child.once("close", (code, signal) => {
      dismissGuard();
      resolve({ code, signal });
      wake();
    });
  });
  onTestFinished(async () => {
    if (!ended()) child.kill("SIGKILL");
    await exited;
  });
  onTestFailed(() => show(name, child, lines));

  return {
    name,
    pid,
    lines,
    exited,
    get running() {
      return !ended();
    },
    said: (msg) =>
      new Promise((resolve, reject) => {
        const finish = (act: () => void) => {
          clearTimeout(limit);
          waiting.delete(look);
          act();
        };
        const look = () => {
          const line = lines.find((each) => each.msg === msg);
          if (line !== undefined) finish(() => resolve(line));
          else if (ended()) finish(() => reject(new Error(`${name} ended without saying "${msg}"`)));
        };
        const late = () =>
          finish(() => reject(new Error(`${name} did not say "${msg}" in ${SAY_LIMIT_MS} ms`)));
        const limit = setTimeout(late, SAY_LIMIT_MS);
        waiting.add(look);
        look();
      }),
    kill: (signal) => void child.kill(signal),
  };
}

function parse(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { level: 0, msg: text };
  }
}

function show(name: string, child: ChildProcess, lines: readonly LogLine[]): void {
  const state = child.exitCode ?? child.signalCode ?? "running";
  const last = lines.slice(-SHOWN_LINES).map((line) => `  ${JSON.stringify(line)}`);
  console.error([`--- ${name} (pid ${child.pid}, ${state}), last lines:`, ...last].join("\n"));
}
