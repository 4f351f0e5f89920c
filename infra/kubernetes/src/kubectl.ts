import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

/** A `rollout status` may wait for as long. */
const LIMIT_MS = 180_000;

export interface KubectlOptions {
  readonly kubeconfig: string;
  /** For what it remembers of the API. */
  readonly home: string;
}

/** Runs the machine's kubectl. Resolves to what it says; rejects with what it complains about, or after 3 minutes. */
export async function kubectl(
  { kubeconfig, home }: KubectlOptions,
  args: readonly string[],
  input?: string,
): Promise<string> {
  const child = spawn("kubectl", args, {
    env: { PATH: process.env.PATH, HOME: home, KUBECONFIG: kubeconfig },
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  const ended = new Promise<number | string | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? signal));
  });
  child.stdin.on("error", () => {}).end(input);
  const [out, complaints, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${code}: ${complaints.trim() || out.trim()}`);
  return out;
}
