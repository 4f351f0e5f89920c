import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerSpec, Pod } from "../api/pod.ts";
import { containerEnv } from "./env/container-env.ts";
import { expand } from "./env/expand.ts";
import type { PodPlace } from "./env/fields.ts";
import { findImage } from "./images.ts";
import type { Machine } from "./machine.ts";
import type { PodSources } from "./pod-sources.ts";
import type { Launch } from "./process-group.ts";
import { type Mount, rewritten } from "./volumes/paths.ts";

const ACCOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount";

export interface LaunchFacts {
  readonly pod: Pod;
  readonly container: ContainerSpec;
  readonly machine: Machine;
  readonly place: PodPlace;
  readonly sources: PodSources;
  /** Of the pod. */
  readonly directory: string;
  /** Volume to directory. */
  readonly volumes: ReadonlyMap<string, string>;
}

/** How a container's process is started here; undefined when its image stands for no program. Throws, saying what is missing. */
export async function launchOf(facts: LaunchFacts): Promise<Launch | undefined> {
  const { pod, container, machine, place, sources, directory, volumes } = facts;
  const image = findImage(machine.images, container.image ?? "");
  if (image === undefined) return undefined;
  const home = join(directory, "containers", container.name);
  await mkdir(home, { recursive: true });
  const services = await sources.serviceVariables();
  const own = await containerEnv({ pod, container, place, services, dataOf: sources.dataOf });
  const mounts = mountsOf(container, volumes, own);
  const path = (text: string) => rewritten(text, mounts);
  const asHere = (texts: readonly string[]) => texts.map((text) => path(expand(text, (name) => own[name])));
  // The image's own command is a path of this machine already, also below what a volume is mounted at.
  const command = [
    ...(container.command === undefined ? image.command : asHere(container.command)),
    ...asHere(container.args ?? []),
  ];
  const env = {
    ...{ PATH: process.env.PATH ?? "", HOME: home, HOSTNAME: pod.spec.hostname ?? pod.metadata.name },
    ...mapped(image.env ?? {}, (text) =>
      expand(text, (name) => (name === "POD_IP" ? place.podIP : undefined)),
    ),
    ...(await accountEnv(facts, mounts)),
    ...mapped(own, path),
  };
  const { namespace = "", name } = pod.metadata;
  return {
    ...{ command, env, path },
    cwd: container.workingDir === undefined ? (image.cwd ?? home) : path(container.workingDir),
    log: await machine.logFile(namespace, name, container.name),
  };
}

function mountsOf(
  container: ContainerSpec,
  volumes: ReadonlyMap<string, string>,
  env: Readonly<Record<string, string>>,
): Mount[] {
  return (container.volumeMounts ?? []).map(({ name, mountPath, subPath = "", subPathExpr }) => {
    const below = subPathExpr === undefined ? subPath : expand(subPathExpr, (variable) => env[variable]);
    return { mountPath, directory: join(volumes.get(name) ?? "", below) };
  });
}

/** The way to the API server as the pod's service account, where the pod has its token: client libraries look for the token at a path that all processes share. */
async function accountEnv(
  { pod, machine, directory }: LaunchFacts,
  mounts: readonly Mount[],
): Promise<Record<string, string>> {
  const account = mounts.find(({ mountPath }) => mountPath === ACCOUNT_PATH)?.directory;
  if (account === undefined) return {};
  const cluster = { server: machine.api.server, "certificate-authority": join(account, "ca.crt") };
  const context = { cluster: "pod", user: "pod", namespace: pod.metadata.namespace };
  const config = {
    ...{ apiVersion: "v1", kind: "Config", "current-context": "pod" },
    clusters: [{ name: "pod", cluster }],
    users: [{ name: "pod", user: { tokenFile: join(account, "token") } }],
    contexts: [{ name: "pod", context }],
  };
  const file = join(directory, "kubeconfig");
  await writeFile(file, JSON.stringify(config));
  return { KUBECONFIG: file };
}

function mapped(
  values: Readonly<Record<string, string>>,
  change: (value: string) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));
}
