import { setMaxListeners } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Api } from "./api/api.ts";
import { adminOf } from "./ask.ts";
import { controlPlaneBinary, startControlPlane } from "./control-plane.ts";
import { kubectl } from "./kubectl.ts";
import type { Images } from "./kubelet/images.ts";
import { startNode, type TestNode } from "./kubelet/node.ts";
import { Logs } from "./logs.ts";
import { takeLocalRange } from "./network/local-range.ts";
import { ServiceProxy } from "./network/service-proxy.ts";
import { provisionVolumes } from "./volume-provisioner.ts";

export interface TestbedOptions {
  /** What runs for which image. An image that is not in it does not start (ErrImageNeverPull). Looked at whenever a container starts, so it may be added to. */
  readonly images: Images;
  /** How many nodes, `node-1` and so on. Default 3. */
  readonly nodes?: number;
  /** How long a node may be silent before it is NotReady. Default 10,000: shorter than an outage of the API server, and nodes are taken for silent that are not. */
  readonly nodeMonitorGraceMs?: number;
  /** How long its pods stay before they are deleted, in whole seconds. They stay Terminating if nobody is there to end them. Default 5,000. */
  readonly evictAfterMs?: number;
  /** Of each node. Default 8 cores, 32 GiB, 110 pods. */
  readonly allocatable?: Readonly<Record<string, string>>;
}

/** A real control plane with scheduler, and nodes whose pods are processes of this machine with addresses of their own. */
export interface Testbed {
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** The API server's URL. */
  readonly server: string;
  /** Those that were started, in their order, lost ones too. */
  readonly nodes: readonly TestNode[];
  /** One more node, or one of that name that is lost, stopped or gone, started anew: it then goes on with the pods that are still bound to it. */
  startNode(name?: string): Promise<TestNode>;
  /** Runs the machine's kubectl as administrator; resolves to its output, rejects with what it complains about, or after 3 minutes. */
  kubectl(...args: readonly string[]): Promise<string>;
  /** What the API answers as administrator, e.g. to `/api/v1/namespaces/bank/pods`; for who asks often, since each kubectl is a process. */
  get<T>(path: string): Promise<T>;
  /** `kubectl apply` of objects, or of a manifest in YAML, in their namespace, else in `namespace`, else in `default`. */
  apply(manifest: string | readonly object[], namespace?: string): Promise<string>;
  /** What the pods of that name have written to stdout and stderr, also those that are gone; of all containers without `container`. */
  logs(namespace: string, pod: string, container?: string): Promise<string>;
  /** Ends the API server at once, as a crash would, and drops all connections. */
  killApiServer(): Promise<void>;
  /** Starts it again, on the same port and data, and with it scheduler and controllers. */
  startApiServer(): Promise<void>;
  /** Ends all of it, pods first (SIGKILL), and removes its data and routes. */
  stop(): Promise<void>;
}

/** Resolves when its nodes are ready. Throws without the control plane's program (`controlPlaneBinary`), and where there can be no pod network (`hasPodNetwork`). */
export async function startTestbed(options: TestbedOptions): Promise<Testbed> {
  const binary = controlPlaneBinary();
  if (binary === undefined) throw new Error("CTLPLANE_DIR has no bin/ctlplane");
  const undo: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  try {
    return await start(binary, options, undo, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  binary: string,
  options: TestbedOptions,
  undo: (() => Promise<unknown>)[],
  stop: () => Promise<void>,
): Promise<Testbed> {
  const {
    images,
    nodes: count = 3,
    nodeMonitorGraceMs = 10_000,
    evictAfterMs = 5_000,
    allocatable,
  } = options;
  const directory = await mkdtemp(join(tmpdir(), "shardcast-pods-"));
  undo.push(() => rm(directory, { recursive: true, force: true, maxRetries: 3 }));
  const podRange = await takeLocalRange();
  undo.push(() => podRange.release());
  const serviceRange = await takeLocalRange();
  undo.push(() => serviceRange.release());
  const plane = await startControlPlane(binary, {
    ...{ serviceCidr: serviceRange.cidr, scheduler: true, nodeMonitorGraceMs, evictAfterMs },
  });
  undo.push(() => plane.stop());

  const life = new AbortController();
  setMaxListeners(0, life.signal);
  const api = new Api(plane.server, await adminOf(plane.pki));
  const proxy = ServiceProxy.start(api, life.signal);
  void provisionVolumes(api, join(directory, "claims"), life.signal);
  undo.push(async () => {
    life.abort();
    await proxy.close();
    api.close();
  });

  const logs = new Logs(join(directory, "logs"));
  const nodes: TestNode[] = [];
  undo.push(() => Promise.all(nodes.map((node) => node.lose())));
  const started = async (name = `node-${new Set(nodes.map((node) => node.name)).size + 1}`) => {
    const names = [...new Set([...nodes.map((node) => node.name), name])];
    const node = await startNode({
      ...{ api, name, images, range: podRange, index: names.indexOf(name) + 1 },
      ...{ directory: join(directory, "nodes"), logFile: (...of) => logs.file(...of) },
      ...(allocatable === undefined ? {} : { allocatable }),
    });
    nodes.push(node);
    return node;
  };
  for (let index = 0; index < count; index += 1) await started();
  const run = { kubeconfig: plane.kubeconfig, home: directory };
  await kubectl(run, ["wait", "--for=condition=Ready", "node", "--all", "--timeout=60s"]);
  return {
    ...{ kubeconfig: plane.kubeconfig, server: plane.server, nodes, startNode: started, stop },
    kubectl: (...args) => kubectl(run, args),
    get: (path) => api.ask(path, { signal: life.signal }),
    apply: (manifest, namespace = "default") => {
      const text =
        typeof manifest === "string"
          ? manifest
          : JSON.stringify({ apiVersion: "v1", kind: "List", items: manifest });
      return kubectl(run, ["apply", "--namespace", namespace, "-f", "-"], text);
    },
    logs: (...of) => logs.read(...of),
    killApiServer: () => plane.killApiServer(),
    startApiServer: () => plane.startApiServer(),
  };
}
