import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { inject, onTestFinished } from "vitest";

/** A command's output; what it gets on standard input, where it is given. */
export function command(file: string, args: readonly string[], input = ""): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, KUBECONFIG: inject("kubeconfig") };
    const child = execFile(file, args, { env, timeout: 60_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${file} ${args.join(" ")}: ${stderr || error.message}`));
    });
    child.stdin?.end(input);
  });
}

export const kubectl = (args: readonly string[], input?: string) => command("kubectl", args, input);

/** A namespace of one test, deleted after it, in which a pod that asks for more than it should need is refused. */
export async function newNamespace(): Promise<string> {
  const name = `shardcast-${randomUUID().slice(0, 8)}`;
  await kubectl(["create", "namespace", name]);
  await kubectl(["label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted"]);
  onTestFinished(async () => {
    await kubectl(["delete", "namespace", name, "--wait=false"]);
  });
  return name;
}
