import { spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { constants } from "node:os";
import { guardAgainstOrphan } from "@shardcast/infra-kafka";

export interface Launch {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** A file that takes its output. */
  readonly log: string;
  /** Where a path that the container knows really is. */
  path(text: string): string;
}

/** How a process ended; of a signal the code is 128 and its number, as container runtimes have it. */
export interface Exit {
  readonly code: number;
  readonly signal?: number;
}

/** A process and its children, which end with it. None outlives us. */
export interface ProcessGroup {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** To the process alone, as a container's first process gets it. */
  terminate(): void;
  /** To all of them. */
  signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void;
}

/** Rejects when there is no such program. */
export async function startProcessGroup({ command, env, cwd, log }: Launch): Promise<ProcessGroup> {
  const [program = "", ...args] = command;
  const file = await open(log, "a");
  try {
    // Detached: a group of its own, whose id is the pid.
    const child = spawn(program, args, { env, cwd, stdio: ["ignore", file.fd, file.fd], detached: true });
    await once(child, "spawn");
    const pid = child.pid as number;
    const dismissGuard = guardAgainstOrphan(-pid);
    const signal = (name: NodeJS.Signals) => signalGroup(pid, name);
    const exited = once(child, "exit").then(([code, name]): Exit => {
      signal("SIGKILL");
      dismissGuard();
      const number = name === null ? undefined : constants.signals[name as NodeJS.Signals];
      return number === undefined ? { code: code as number } : { code: 128 + number, signal: number };
    });
    return { pid, exited, signal, terminate: () => void child.kill("SIGTERM") };
  } finally {
    await file.close();
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // None of them is left.
  }
}
