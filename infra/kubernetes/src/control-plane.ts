import { accessSync, constants } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@shardcast/infra-kafka";
import { adminOf, answers } from "./ask.ts";
import { type Component, startComponent } from "./component.ts";
import { kubeconfigOf, makePki } from "./pki.ts";

/** A real etcd, API server and controller manager as local processes, without nodes: its pods stay Pending. */
export interface ControlPlane {
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** The API server's URL. */
  readonly server: string;
  /** The folder with `ca.crt`, `admin.crt` and `admin.key`. */
  readonly pki: string;
  /** Ends the API server at once, as a crash would, and drops all connections. */
  killApiServer(): Promise<void>;
  /** Starts it again, on the same port and data, and with it those that ask it. */
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

export interface ControlPlaneOptions {
  /** Addresses of Services, a /16. Default 10.96.0.0/16. */
  readonly serviceCidr?: string;
  /** Whether pods are bound to nodes. Default false: they stay Pending. */
  readonly scheduler?: boolean;
  /** How long a node may be silent before it is NotReady; 50 s as Kubernetes has it, unless given. */
  readonly nodeMonitorGraceMs?: number;
  /** How long pods stay on a node that is NotReady or unreachable before they are deleted; 300 s as Kubernetes has it, unless given. Whole seconds. */
  readonly evictAfterMs?: number;
}

/** Resolves when pods can be made. Ports are free ones, data is temporary. */
export async function startControlPlane(
  binary: string,
  options: ControlPlaneOptions = {},
): Promise<ControlPlane> {
  const dir = await mkdtemp(join(tmpdir(), "shardcast-kubernetes-"));
  const running = new Map<string, Component>();
  const stop = async () => {
    for (const component of [...running.values()].reverse()) await component.stop();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    return await start(binary, dir, running, stop, options);
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
  options: ControlPlaneOptions,
): Promise<ControlPlane> {
  const pki = join(dir, "pki");
  const { serviceCidr = "10.96.0.0/16", scheduler = false } = options;
  await mkdir(pki);
  // The first address of the range is the API server's own Service.
  await makePki(pki, serviceCidr.replace(/0\/16$/, "1"));
  const [port, etcdPort, peerPort] = [await freePort(), await freePort(), await freePort()];
  const [server, etcd, peer] = [
    `https://127.0.0.1:${port}`,
    `http://127.0.0.1:${etcdPort}`,
    `http://127.0.0.1:${peerPort}`,
  ];
  const kubeconfig = join(dir, "kubeconfig");
  await writeFile(kubeconfig, await kubeconfigOf(pki, server));
  const admin = await adminOf(pki);
  const run = async (name: string, args: readonly string[], url: string) => {
    const [log, isReady] = [
      join(dir, `${name}.log`),
      () => answers(url, url.startsWith("https:") ? admin : {}),
    ];
    const all = [name, ...args];
    running.set(name, await startComponent({ name, command: binary, args: all, cwd: dir, log, isReady }));
  };
  const apiServer = apiServerArgs(port, etcd, { ...options, serviceCidr });
  // Pods need the default service account, which the controller manager makes.
  const defaultAccount = `${server}/api/v1/namespaces/default/serviceaccounts/default`;
  const startApiServer = async () => {
    await run("kube-apiserver", apiServer, `${server}/readyz`);
    // As a machine that boots does: after some outages they would wait for up to a minute before they ask again.
    await Promise.all(["kube-scheduler", "kube-controller-manager"].map((name) => running.get(name)?.stop()));
    if (scheduler) await run("kube-scheduler", SCHEDULER_ARGS, `${server}/readyz`);
    await run("kube-controller-manager", controllerManagerArgs(options), defaultAccount);
  };
  await run("etcd", etcdArgs(etcd, peer), `${etcd}/health`);
  await startApiServer();
  return {
    ...{ kubeconfig, server, pki, startApiServer, stop },
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

function apiServerArgs(
  port: number,
  etcd: string,
  { serviceCidr, evictAfterMs }: ControlPlaneOptions & { serviceCidr: string },
): string[] {
  const seconds = evictAfterMs === undefined ? undefined : String(Math.ceil(evictAfterMs / 1_000));
  return [
    ...["--service-cluster-ip-range", serviceCidr],
    ...(seconds === undefined ? [] : ["--default-not-ready-toleration-seconds", seconds]),
    ...(seconds === undefined ? [] : ["--default-unreachable-toleration-seconds", seconds]),
    ...["--etcd-servers", etcd, "--bind-address", "127.0.0.1", "--advertise-address", "127.0.0.1"],
    ...["--secure-port", String(port), "--endpoint-reconciler-type", "none"],
    ...["--tls-cert-file", "pki/apiserver.crt", "--tls-private-key-file", "pki/apiserver.key"],
    ...["--client-ca-file", "pki/ca.crt", "--authorization-mode", "RBAC"],
    ...["--service-account-issuer", "https://kubernetes.default.svc"],
    ...["--service-account-key-file", "pki/sa.pub", "--service-account-signing-key-file", "pki/sa.key"],
  ];
}

/** Else their own limits on what they ask the API are what a test waits for. */
const UNTHROTTLED = ["--kube-api-qps", "500", "--kube-api-burst", "1000"];
const SCHEDULER_ARGS = [
  ...["--kubeconfig", "kubeconfig", "--leader-elect=false", "--secure-port", "0"],
  ...UNTHROTTLED,
];

function controllerManagerArgs({ nodeMonitorGraceMs }: ControlPlaneOptions): string[] {
  return [
    ...["--kubeconfig", "kubeconfig", "--leader-elect=false", "--secure-port", "0"],
    ...["--root-ca-file", "pki/ca.crt", "--service-account-private-key-file", "pki/sa.key"],
    ...[...UNTHROTTLED, "--pvclaimbinder-sync-period", "1s"],
    // Evictions are spread over time for the sake of large clusters.
    ...["--node-monitor-period", "1s", "--node-eviction-rate", "10"],
    ...(nodeMonitorGraceMs === undefined ? [] : ["--node-monitor-grace-period", `${nodeMonitorGraceMs}ms`]),
  ];
}
