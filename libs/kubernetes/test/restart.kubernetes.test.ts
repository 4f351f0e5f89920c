import { controlPlaneBinary, startControlPlane } from "@shardcast/infra-kubernetes";
import { describe, expect, it, onTestFinished } from "vitest";
import { Cluster } from "../src/cluster.ts";
import { StatefulSetReplicas } from "../src/stateful-set-replicas.ts";
import { apiView } from "./support/api-view.ts";
import { followPods, readyStatus } from "./support/follow-pods.ts";
import { recordingLogger } from "./support/logger.ts";
import { Namespace } from "./support/real-cluster.ts";

const poll = { timeout: 60_000 };

describe("an API server that ends", () => {
  it("and is started again on its port: what happens to the StatefulSet after that is seen", async ({
    skip,
  }) => {
    const binary = controlPlaneBinary();
    // KUBECONFIG's is not ours to end.
    if (binary === undefined) return skip("no control plane of our own: CTLPLANE_DIR has no bin/ctlplane");
    const plane = await startControlPlane(binary);
    onTestFinished(() => plane.stop(), 60_000);
    const namespace = await Namespace.create(plane.kubeconfig);
    await namespace.createStatefulSet("accounts", 3);
    const { logger, warnings, lines } = recordingLogger();
    const source = new StatefulSetReplicas({
      cluster: new Cluster({ env: { KUBECONFIG: plane.kubeconfig } }),
      ...{ namespace: namespace.name, name: "accounts", logger },
    });
    onTestFinished(() => source.close());
    await expect.poll(() => source.replicas, poll).toBe(3);
    const again = () => lines.filter(({ msg }) => msg === "following the Kubernetes API again").length;
    for (const replicas of [5, 2]) {
      const [before, beforeAgain] = [warnings().length, again()];
      await plane.killApiServer();
      await expect.poll(() => warnings().length, poll).toBeGreaterThan(before);
      expect(source.replicas).toBeGreaterThan(0);
      await plane.startApiServer();
      await namespace.scale("accounts", replicas);
      await expect.poll(() => source.replicas, poll).toBe(replicas);
      await expect.poll(again, poll).toBeGreaterThan(beforeAgain);
    }
  }, 300_000);

  it("and is started again: the pods stay known, and what happens to them after that is seen", async ({
    skip,
  }) => {
    const binary = controlPlaneBinary();
    if (binary === undefined) return skip("no control plane of our own: CTLPLANE_DIR has no bin/ctlplane");
    const plane = await startControlPlane(binary);
    onTestFinished(() => plane.stop(), 60_000);
    const namespace = await Namespace.create(plane.kubeconfig);
    const nodeName = await namespace.createNode();
    await namespace.createService("accounts");
    await namespace.createStatefulSet("accounts", 2, { podManagementPolicy: "Parallel" }, { nodeName });
    const { source, says, warnings } = followPods(namespace, plane.kubeconfig);
    await says("member", ["0", "1"]);
    await namespace.reportPod("accounts-0", readyStatus(0));
    await says("ready", [true, false]);
    await says("dnsName", [expect.any(String), undefined]);
    const before = source.pods();
    await plane.killApiServer();
    // Of the StatefulSet, the pods and the slices.
    await expect.poll(() => warnings().length, poll).toBeGreaterThanOrEqual(3);
    expect(source.pods()).toBe(before);
    await plane.startApiServer();
    await namespace.reportPod("accounts-1", readyStatus(1));
    await says("ready", [true, true]);
    await namespace.deletePod("accounts-0", 0);
    await expect.poll(() => source.podOf("0")?.uid, poll).not.toBe(before[0]?.uid);
    await says("dnsName", [undefined, expect.any(String)]);
    expect(source.pods()).toEqual(await apiView(namespace));
    await expect.poll(() => source.silentMs, poll).toBeDefined();
  }, 300_000);
});
