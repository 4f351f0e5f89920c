import { spawn } from "node:child_process";

/**
 * Kills `pid` when this process ends, however it ends: the guard reads from a pipe that only we hold open, and the
 * system closes it even after SIGKILL, where no exit handler runs (vitest ends its workers like that).
 * Returns how to dismiss the guard once `pid` has ended by itself.
 */
export function guardAgainstOrphan(pid: number): () => void {
  const guard = spawn("sh", ["-c", 'read -r _; kill -9 "$0"', String(pid)], {
    stdio: ["pipe", "ignore", "ignore"],
    // Its own process group, so that Ctrl-C does not end it before its work.
    detached: true,
  });
  guard.on("error", () => {});
  guard.unref();
  return () => {
    guard.kill("SIGKILL");
  };
}
