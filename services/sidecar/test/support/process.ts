import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

export interface SidecarProcess {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves to the exit code. */
  readonly exited: Promise<number | null>;
}

/** Runs the program with these variables and nothing else; killed after the test at the latest. */
export function runMain(env: Readonly<Record<string, string>>, args: readonly string[] = []): SidecarProcess {
  const child = spawn(process.execPath, ["--conditions=@shardcast/source", MAIN, ...args], {
    env: { ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const text = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => {
    text.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    text.stderr += chunk;
  });
  const exited = once(child, "close").then(([code]) => code as number | null);
  onTestFinished(() => void child.kill("SIGKILL"));
  return { child, stdout: () => text.stdout, stderr: () => text.stderr, exited };
}
