import { accessSync, constants } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { freePort } from "@shardcast/infra-kafka";
import { answers } from "./ask.ts";
import { startComponent } from "./component.ts";
import { controlPlaneBinary } from "./control-plane.ts";

/** Plays the kubelets of all nodes: their pods become ready in a second, have invented addresses, and go when they are deleted. No process runs. */
export interface Kwok {
  stop(): Promise<void>;
}

/** The program and what it plays, beside the control plane's; undefined without both. */
export function kwokBinary(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const plane = controlPlaneBinary(env);
  if (plane === undefined) return undefined;
  const binary = join(dirname(plane), "kwok");
  try {
    accessSync(binary, constants.X_OK);
    accessSync(stagesOf(binary), constants.R_OK);
    return binary;
  } catch {
    return undefined;
  }
}

/** Resolves when it plays. Nodes that are made later are played as well. */
export async function startKwok(binary: string, kubeconfig: string): Promise<Kwok> {
  const dir = await mkdtemp(join(tmpdir(), "shardcast-kwok-"));
  const remove = () => rm(dir, { recursive: true, force: true });
  const address = `127.0.0.1:${await freePort()}`;
  const args = [
    ...["--kubeconfig", kubeconfig, "--config", stagesOf(binary), "--manage-all-nodes=true"],
    ...["--node-lease-duration-seconds", "40", "--cidr", "10.244.0.1/16", "--node-ip", "127.0.0.1"],
    ...["--server-address", address],
  ];
  const log = join(dir, "kwok.log");
  const isReady = () => answers(`http://${address}/healthz`);
  try {
    const component = await startComponent({ name: "kwok", command: binary, args, cwd: dir, log, isReady });
    return { stop: () => component.stop().finally(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}

function stagesOf(binary: string): string {
  return join(dirname(binary), "stages-fast.yaml");
}
