import { readdirSync, readFileSync } from "node:fs";

const LIMIT_MS = 1_000;

/**
 * Stops a process until it gets SIGCONT. Returns when it has stopped: the signal takes a moment, in which threads on other cores
 * go on, and a frozen broker that answers once more is not what a test is about. Only Linux tells; elsewhere it returns at once.
 */
export function freeze(pid: number): void {
  process.kill(pid, "SIGSTOP");
  const endMs = performance.now() + LIMIT_MS;
  while (!hasStopped(pid) && performance.now() < endMs);
}

function hasStopped(pid: number): boolean {
  return filesOf(pid).every((file) => {
    const stat = readOr(file, ") T");
    // The name before it is in brackets, and may have some itself.
    return /^[TZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  });
}

function filesOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}/stat`);
  } catch {
    return [];
  }
}

/** A thread may end while it is looked at. */
function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return otherwise;
  }
}
