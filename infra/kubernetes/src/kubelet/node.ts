import { setMaxListeners } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Api } from "../api/api.ts";
import { follow } from "../api/follow.ts";
import { Gate } from "../api/gate.ts";
import type { Pod } from "../api/pod.ts";
import { Addresses } from "../network/addresses.ts";
import type { LocalRange } from "../network/local-range.ts";
import { beat, register, tellConditions } from "./heartbeat.ts";
import type { Images } from "./images.ts";
import { Pods } from "./pods.ts";

const DEFAULT_ALLOCATABLE = { cpu: "8", memory: "32Gi", pods: "110", "ephemeral-storage": "100Gi" };
const STOP_GRACE_MS = 5_000;

export interface NodeOptions {
  readonly api: Api;
  readonly name: string;
  /** 1 to 250: its pods have addresses of the range's `.<index>.0/24`. */
  readonly index: number;
  readonly range: LocalRange;
  readonly images: Images;
  /** Of the files of its pods. */
  readonly directory: string;
  logFile(namespace: string, pod: string, container: string): Promise<string>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly allocatable?: Readonly<Record<string, string>>;
}

/** A node whose pods are processes of this machine. */
export interface TestNode {
  readonly name: string;
  /** As if its machine lost power: all its processes are killed at once, and nothing is heard of it any more. */
  lose(): Promise<void>;
  /** As if its machine stood still: its processes are stopped (SIGSTOP), and nothing is heard of it until `thaw`. */
  freeze(): void;
  thaw(): void;
  /** Its pods are ended in good order, by force after `graceMs` (5,000), and reported as failed; it says that it is not ready, and is gone. */
  stop(graceMs?: number): Promise<void>;
}

/** Resolves when the API knows the node as ready. One of that name from before is taken over, with its pods, as a machine that starts again does. */
export async function startNode(options: NodeOptions): Promise<TestNode> {
  const { name, index, range, images, logFile, allocatable = DEFAULT_ALLOCATABLE, labels = {} } = options;
  const gate = new Gate();
  const api = options.api.behind(gate);
  const life = new AbortController();
  const { signal } = life;
  /** Fires when it takes no more pods, and does not say any more that it is ready. */
  const closing = new AbortController();
  const open = AbortSignal.any([signal, closing.signal]);
  setMaxListeners(0, signal, open);
  const directory = join(options.directory, name);
  await mkdir(directory, { recursive: true });
  const address = range.address(index, 1);
  const podAddresses = new Addresses((fourth) => range.address(index, fourth));
  await register(
    api,
    { name, address, podCidr: `${range.address(index, 0)}/24`, labels, allocatable },
    signal,
  );
  const pods = new Pods({
    ...{ name, api, gate, images, address, podAddresses, allocatable },
    directory,
    logFile,
  });
  const selector = `fieldSelector=${encodeURIComponent(`spec.nodeName=${name}`)}`;
  void beat(api, name, open);
  void follow<Pod>({
    ...{ api, path: "/api/v1/pods", selector, signal: open, gate },
    listed: (all) => pods.listed(all),
    changed: (pod) => pods.changed(pod),
    removed: (pod) => pods.removed(pod),
  });
  const end = async () => {
    life.abort();
    const killed = pods.all.map((pod) => pod.kill());
    // Who waits at the gate finds that there is nothing to do any more.
    gate.open();
    await Promise.all(killed);
    api.close();
  };
  return {
    ...{ name, lose: end },
    freeze() {
      gate.close();
      for (const pod of pods.all) pod.signal("SIGSTOP");
    },
    thaw() {
      for (const pod of pods.all) pod.signal("SIGCONT");
      gate.open();
    },
    async stop(graceMs = STOP_GRACE_MS) {
      const message = "Pod was terminated in response to imminent node shutdown.";
      const fault = { reason: "Terminated", message };
      const at = Date.now() + graceMs;
      closing.abort();
      const limit = AbortSignal.any([signal, AbortSignal.timeout(graceMs + 3_000)]);
      await Promise.race([
        Promise.all([
          tellConditions(api, name, false, limit).catch(() => {}),
          ...pods.all.map((pod) => pod.end(at, fault)),
        ]),
        new Promise((resolve) => limit.addEventListener("abort", resolve, { once: true })),
      ]);
      await end();
    },
  };
}
