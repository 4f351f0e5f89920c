import { describe, expect, it } from "vitest";
import { followPods, readyStatus } from "./support/follow-pods.ts";
import { needsCluster } from "./support/needs-cluster.ts";
import { gatewayRights, Namespace, type Right } from "./support/real-cluster.ts";

const kubeconfig = needsCluster();
const poll = { timeout: 60_000 };

/** Follows one pod that is ready, with the rights, without one where it is named. */
async function withRights(without?: Right) {
  const namespace = await Namespace.create(kubeconfig());
  const nodeName = await namespace.createNode();
  await namespace.createService("accounts");
  await namespace.createStatefulSet("accounts", 1, {}, { nodeName });
  await namespace.create(gatewayRights(without));
  const admin = followPods(namespace, kubeconfig());
  await admin.says("member", ["0"]);
  await namespace.reportPod("accounts-0", readyStatus(0));
  await admin.says("dnsName", [expect.stringContaining("accounts-0.accounts.")]);
  const rights = followPods(namespace, await namespace.kubeconfigOf("gateway"));
  const denied = async (verb: string, resource: string) => {
    const expected = new RegExp(`403: ${resource}.* is forbidden: .*cannot ${verb} resource "${resource}"`);
    await expect.poll(rights.messages, poll).toMatch(expected);
  };
  /** Resolves when it says what an administrator is told, after something has changed. */
  const seesAChange = async () => {
    await rights.says("ready", [true]);
    await namespace.reportPod("accounts-0", readyStatus(0, false));
    await rights.says("ready", [false]);
    await admin.says("dnsName", [undefined]);
    await rights.says("dnsName", [undefined]);
    expect(rights.source.pods()).toEqual(admin.source.pods());
  };
  return { ...rights, denied, seesAChange };
}

describe("the rights of k8s/rbac-gateway.yaml, to find pods", () => {
  it("are enough: list and watch of pods and endpointslices, and of the StatefulSet by its name", async () => {
    const { source, seesAChange, messages, says } = await withRights();
    await says("dnsName", [expect.any(String)]);
    await seesAChange();
    await expect.poll(() => source.silentMs, poll).toBeDefined();
    // The controllers that carry rights out may be a moment late, at the start alone.
    expect(messages()).not.toContain("cannot watch");
  });

  it("are needed to list the StatefulSet: without, nobody knows which pods are its own", async () => {
    const { source, denied } = await withRights({ resource: "statefulsets", verb: "list" });
    await denied("list", "statefulsets");
    expect([source.pods(), source.silentMs]).toEqual([[], undefined]);
  });

  it("are needed to list pods: without, there are none", async () => {
    const { source, denied } = await withRights({ resource: "pods", verb: "list" });
    await denied("list", "pods");
    expect([source.pods(), source.silentMs]).toEqual([[], undefined]);
  });

  it("are needed to list EndpointSlices: without, pods have no DNS names, and all else", async () => {
    const { source, says, denied } = await withRights({ resource: "endpointslices", verb: "list" });
    await denied("list", "endpointslices");
    await says("ready", [true]);
    await says("addresses", [["10.9.0.0"]]);
    expect([source.pods()[0]?.dnsName, source.silentMs]).toEqual([undefined, undefined]);
  });

  it.each(["statefulsets", "pods", "endpointslices"])(
    "are needed to watch %s: without, they are listed again and again, and what is missing is told",
    async (resource) => {
      const { denied, seesAChange, says } = await withRights({ resource, verb: "watch" });
      await denied("watch", resource);
      await says("dnsName", [expect.any(String)]);
      await seesAChange();
    },
  );
});
