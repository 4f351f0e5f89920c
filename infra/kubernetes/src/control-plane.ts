import { accessSync, constants } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@shardcast/infra-kafka";
import { answers, asAdmin } from "./ask.ts";
import { type Component, startComponent } from "./component.ts";
import { kubeconfigOf, makePki } from "./pki.ts";

/** A real etcd, API server and controller manager as local processes, without nodes: its pods stay Pending. */
export interface ControlPlane {
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** Ends the API server at once, as a crash would, and drops all connections. */
  killApiServer(): Promise<void>;
  /** Starts it again, on the same port and data. */
  startApiServer(): Promise<void>;
  /** Ends all of it, and removes its data. */
  stop(): Promise<void>;
}

/** The program that has all components in it, in `CTLPLANE_DIR` or where it is built to; undefined without one. */
export function controlPlaneBinary(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const binary = join(env.CTLPLANE_DIR ?? join(homedir(), ".cache", "ctlplane"), "bin", "ctlplane");
  try {
    accessSync(binary, constants.X_OK);
    return binary;
  } catch {
    return undefined;
  }
}

/** Resolves when pods can be made. Ports are free ones, data is temporary. */
export async function startControlPlane(binary: string): Promise<ControlPlane> {
  const dir = await mkdtemp(join(tmpdir(), "shardcast-kubernetes-"));
  const running = new Map<string, Component>();
  const stop = async () => {
    for (const component of [...running.values()].reverse()) await component.stop();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    return await start(binary, dir, running, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  binary: string,
  dir: string,
  running: Map<string, Component>,
  stop: () => Promise<void>,
): Promise<ControlPlane> {
  const pki = join(dir, "pki");
  await mkdir(pki);
  await makePki(pki);
  const [port, etcdPort, peerPort] = [await freePort(), await freePort(), await freePort()];
  const [server, etcd, peer] = [
    `https://127.0.0.1:${port}`,
    `http://127.0.0.1:${etcdPort}`,
    `http://127.0.0.1:${peerPort}`,
  ];
  const kubeconfig = join(dir, "kubeconfig");
  await writeFile(kubeconfig, await kubeconfigOf(pki, server));
  const admin = await asAdmin(pki);
  const run = async (name: string, args: readonly string[], url: string) => {
    const [log, isReady] = [
      join(dir, `${name}.log`),
      () => answers(url, url.startsWith("https:") ? admin : {}),
    ];
    const all = [name, ...args];
    running.set(name, await startComponent({ name, command: binary, args: all, cwd: dir, log, isReady }));
  };
  const startApiServer = () => run("kube-apiserver", apiServerArgs(port, etcd), `${server}/readyz`);
  await run("etcd", etcdArgs(etcd, peer), `${etcd}/health`);
  await startApiServer();
  // Pods need the default service account, which it makes.
  const defaultAccount = `${server}/api/v1/namespaces/default/serviceaccounts/default`;
  await run("kube-controller-manager", CONTROLLER_MANAGER_ARGS, defaultAccount);
  return {
    ...{ kubeconfig, startApiServer, stop },
    killApiServer: async () => running.get("kube-apiserver")?.kill(),
  };
}

function etcdArgs(client: string, peer: string): string[] {
  return [
    ...["--name", "t", "--data-dir", "etcd", "--log-level", "warn", "--unsafe-no-fsync"],
    ...["--listen-client-urls", client, "--advertise-client-urls", client],
    ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", `t=${peer}`],
  ];
}

function apiServerArgs(port: number, etcd: string): string[] {
  return [
    ...["--etcd-servers", etcd, "--bind-address", "127.0.0.1", "--advertise-address", "127.0.0.1"],
    ...["--secure-port", String(port), "--endpoint-reconciler-type", "none"],
    ...["--tls-cert-file", "pki/apiserver.crt", "--tls-private-key-file", "pki/apiserver.key"],
    ...["--client-ca-file", "pki/ca.crt", "--authorization-mode", "RBAC"],
    ...["--service-account-issuer", "https://kubernetes.default.svc"],
    ...["--service-account-key-file", "pki/sa.pub", "--service-account-signing-key-file", "pki/sa.key"],
    ...["--service-cluster-ip-range", "10.96.0.0/16"],
  ];
}

const CONTROLLER_MANAGER_ARGS = [
  ...["--kubeconfig", "kubeconfig", "--leader-elect=false", "--secure-port", "0"],
  ...["--root-ca-file", "pki/ca.crt", "--service-account-private-key-file", "pki/sa.key"],
];
