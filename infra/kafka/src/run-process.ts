import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

export interface ProcessResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  input?: string | Buffer;
  timeoutMs?: number;
}

/** Runs a program to its end. Rejects when it can not be started, is killed by a signal or exceeds its time. */
export async function runProcess(
  command: string,
  args: readonly string[],
  { input = "", timeoutMs = 60_000 }: RunOptions = {},
): Promise<ProcessResult> {
  const child = spawn(command, args, { timeout: timeoutMs, killSignal: "SIGKILL" });
  // A program that ends without reading its input is no error of ours: its exit code tells.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  const [{ code, signal }, stdout, stderr] = await Promise.all([
    ended,
    text(child.stdout),
    text(child.stderr),
  ]);
  if (code === null) {
    throw new Error(
      `${command} was ended by ${signal} (its limit is ${timeoutMs} ms)\n${tail(stdout + stderr)}`,
    );
  }
  return { code, stdout, stderr };
}

/** The last lines of a program's output: what an error message can carry. */
export function tail(output: string, lines = 30): string {
  return output.trimEnd().split("\n").slice(-lines).join("\n");
}
