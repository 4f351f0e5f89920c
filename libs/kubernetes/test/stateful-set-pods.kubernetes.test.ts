import { describe, expect, it } from "vitest";
import { apiView } from "./support/api-view.ts";
import { followPods, readyStatus } from "./support/follow-pods.ts";
import { needsCluster } from "./support/needs-cluster.ts";
import { Namespace } from "./support/real-cluster.ts";

const kubeconfig = needsCluster();
const poll = { timeout: 60_000 };
const parallel = { podManagementPolicy: "Parallel" };

/** A StatefulSet with its Service, on a node without a kubelet: its pods are what the test reports them to be. */
async function bank(spec: object = {}, serviceSpec: object = {}) {
  const namespace = await Namespace.create(kubeconfig());
  const nodeName = await namespace.createNode();
  await namespace.createService("accounts", serviceSpec);
  await namespace.createStatefulSet("accounts", 3, { ...parallel, ...spec }, { nodeName });
  return { namespace, nodeName, ...followPods(namespace, kubeconfig()) };
}

describe("the pods of a StatefulSet on a real API server", () => {
  it("are seen from when they are made until they are ready and in DNS, as the API itself says it", async () => {
    const { namespace, nodeName, source, says } = await bank();
    await says("member", ["0", "1", "2"]);
    expect(source.podOf("0")).toMatchObject({
      ready: false,
      addresses: [],
      dnsName: undefined,
      node: nodeName,
    });
    for (const member of [0, 1]) await namespace.reportPod(`accounts-${member}`, readyStatus(member));
    const dnsName = (member: number) => `accounts-${member}.accounts.${namespace.name}.svc.cluster.local`;
    await says("dnsName", [dnsName(0), dnsName(1), undefined]);
    await says("ready", [true, true, false]);
    await says("addresses", [["10.9.0.0"], ["10.9.0.1"], []]);
    expect(source.podOf("1")?.revision).toMatch(/^accounts-/);
    expect(source.pods()).toEqual(await apiView(namespace));
  });

  it("are seen to become unready and ready again, and their names to leave DNS and come back", async () => {
    const { namespace, says } = await bank({ replicas: 1 });
    await says("member", ["0"]);
    for (const ready of [true, false, true, false]) {
      await namespace.reportPod("accounts-0", readyStatus(0, ready));
      await says("ready", [ready]);
      await says("dnsName", [ready ? expect.stringContaining("accounts-0.accounts.") : undefined]);
    }
  });

  it("are not ready only because their Service publishes them", async () => {
    const { namespace, says } = await bank({ replicas: 1 }, { publishNotReadyAddresses: true });
    await says("member", ["0"]);
    await namespace.reportPod("accounts-0", readyStatus(0, false));
    await says("dnsName", [expect.stringContaining("accounts-0.accounts.")]);
    await says("ready", [false]);
  });

  it("are seen to terminate while they have their grace period, and the next one of the name by its uid", async () => {
    const { namespace, source, says } = await bank({ replicas: 1 });
    await says("member", ["0"]);
    await namespace.reportPod("accounts-0", readyStatus(0));
    await says("ready", [true]);
    const first = source.podOf("0")?.uid;
    await namespace.deletePod("accounts-0", 600);
    await says("terminating", [true]);
    await says("dnsName", [undefined]);
    await says("uid", [first]);
    // By force, as where its node is lost: the controller makes another at once.
    await namespace.deletePod("accounts-0", 0);
    await expect.poll(() => source.podOf("0")?.uid, poll).not.toBe(first);
    await says("terminating", [false]);
    await says("ready", [false]);
    await says(
      "uid",
      (await namespace.pods()).map(({ metadata }) => metadata?.uid),
    );
  });

  it("are numbered from the ordinal on at which the StatefulSet begins, also when it is scaled", async () => {
    const { namespace, source, says } = await bank({ replicas: 2, ordinals: { start: 7 } });
    await says("pod", ["accounts-7", "accounts-8"]);
    await says("member", ["0", "1"]);
    await namespace.scale("accounts", 3);
    await says("member", ["0", "1", "2"]);
    expect(source.pods()).toEqual(await apiView(namespace, 7));
  });

  it("are known on when the StatefulSet is deleted without them, and when the next one takes them over", async () => {
    const { namespace, nodeName, source, says, warnings } = await bank({ replicas: 2 });
    await says("member", ["0", "1"]);
    const uids = source.pods().map(({ uid }) => uid);
    await namespace.deleteStatefulSet("accounts", { propagationPolicy: "Orphan" });
    await expect.poll(warnings, poll).toContain("no such StatefulSet; pods are those that were its own");
    await says("uid", uids);
    await namespace.createStatefulSet("accounts", 3, parallel, { nodeName });
    await says("member", ["0", "1", "2"]);
    expect(source.pods().map(({ uid }) => uid)).toEqual([...uids, expect.any(String)]);
  });
});
