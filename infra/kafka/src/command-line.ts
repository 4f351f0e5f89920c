import { readFile } from "node:fs/promises";
import { runProcess } from "./run-process.ts";

/** The command line of a process, or "" when there is no such process. */
export async function commandLine(pid: number): Promise<string> {
  try {
    // Linux; needs no `ps`, which small images lack.
    return await readFile(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    if (process.platform === "linux") return "";
    return (await runProcess("ps", ["-ww", "-o", "command=", "-p", String(pid)])).stdout;
  }
}
