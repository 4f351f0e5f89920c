import { expect, onTestFinished } from "vitest";
import { Cluster } from "../../src/cluster.ts";
import type { MemberPod } from "../../src/member-view.ts";
import { StatefulSetPods } from "../../src/stateful-set-pods.ts";
import { recordingLogger } from "./logger.ts";
import type { Namespace } from "./real-cluster.ts";

/** What follows the pods of accounts in the namespace, with the rights of whom the kubeconfig names. */
export function followPods(namespace: Namespace, KUBECONFIG: string) {
  const { logger, ...log } = recordingLogger();
  const cluster = new Cluster({ env: { KUBECONFIG } });
  const times = { retryMinMs: 20, retryMaxMs: 200 };
  const source = new StatefulSetPods({ cluster, namespace: namespace.name, name: "accounts", logger, times });
  onTestFinished(() => source.close());
  /** Resolves when `pods()` says so for the field. */
  const says = async (field: keyof MemberPod, expected: readonly unknown[]) => {
    await expect.poll(() => source.pods().map((pod) => pod[field]), { timeout: 60_000 }).toEqual(expected);
  };
  const messages = () =>
    log.lines.map(({ err }) => String((err as { message?: string } | undefined)?.message)).join("\n");
  return { source, says, messages, ...log };
}

/** What a kubelet reports of the member's pod. */
export function readyStatus(member: number, isReady = true): object {
  const podIP = `10.9.0.${member}`;
  return {
    ...{ phase: "Running", podIP, podIPs: [{ ip: podIP }] },
    conditions: [{ type: "Ready", status: isReady ? "True" : "False" }],
  };
}
