import { describe, expect, it, onTestFinished } from "vitest";
import { Cluster } from "../src/cluster.ts";
import { StatefulSetReplicas } from "../src/stateful-set-replicas.ts";
import { recordingLogger } from "./support/logger.ts";
import { needsCluster } from "./support/needs-cluster.ts";
import { gatewayRights, Namespace, type Right } from "./support/real-cluster.ts";

const kubeconfig = needsCluster();
const poll = { timeout: 60_000 };

/** What follows accounts in the namespace, with the rights of whom the kubeconfig names. */
function follow(namespace: Namespace, KUBECONFIG: string) {
  const { logger, ...log } = recordingLogger();
  const cluster = new Cluster({ env: { KUBECONFIG } });
  const times = { retryMinMs: 20, retryMaxMs: 200 };
  const source = new StatefulSetReplicas({
    cluster,
    namespace: namespace.name,
    name: "accounts",
    logger,
    times,
  });
  onTestFinished(() => source.close());
  const seen: unknown[] = [];
  source.watch(() => seen.push(source.replicas));
  const messages = () =>
    log.lines.map(({ err }) => String((err as { message?: string } | undefined)?.message));
  return { source, seen, messages, ...log };
}

describe("a StatefulSet on a real API server", () => {
  it("is followed when it is made, scaled 3 → 5 → 2, deleted and made again", async () => {
    const namespace = await Namespace.create(kubeconfig());
    const { seen, source, warnings } = follow(namespace, kubeconfig());
    await expect.poll(warnings, poll).toEqual(["no such StatefulSet; the replicas stay what they were"]);
    expect(source.replicas).toBeUndefined();
    // Of no concern to who follows the other.
    await namespace.createStatefulSet("others", 9);
    await namespace.createStatefulSet("accounts", 3);
    await expect.poll(() => source.replicas, poll).toBe(3);
    await namespace.scale("accounts", 5);
    await expect.poll(() => source.replicas, poll).toBe(5);
    await namespace.scale("accounts", 2);
    await expect.poll(() => source.replicas, poll).toBe(2);
    await namespace.deleteStatefulSet("accounts");
    await expect.poll(() => warnings().length, poll).toBe(2);
    expect(source.replicas).toBe(2);
    await namespace.createStatefulSet("accounts", 4);
    await expect.poll(() => source.replicas, poll).toBe(4);
    expect(seen).toEqual([3, 5, 2, 4]);
  });

  it("has as many replicas as its spec says wherever its ordinals begin", async () => {
    const namespace = await Namespace.create(kubeconfig());
    await namespace.createStatefulSet("accounts", 3, { ordinals: { start: 2 } });
    const { source, errors } = follow(namespace, kubeconfig());
    await expect.poll(() => source.replicas, poll).toBe(3);
    expect(errors()).toEqual([]);
  });
});

describe("the rights of k8s/rbac-gateway.yaml", () => {
  /** What follows accounts with the rights, without one where it is named. */
  async function withRights(without?: Right) {
    const namespace = await Namespace.create(kubeconfig());
    await namespace.createStatefulSet("accounts", 3);
    await namespace.create(gatewayRights(without));
    return { namespace, ...follow(namespace, await namespace.kubeconfigOf("gateway")) };
  }

  it("are enough", async () => {
    const { namespace, source, messages } = await withRights();
    await expect.poll(() => source.replicas, poll).toBe(3);
    await namespace.scale("accounts", 4);
    await expect.poll(() => source.replicas, poll).toBe(4);
    // The controllers that carry rights out may be a moment late, at the start alone.
    expect(messages().filter((message) => message.includes("cannot watch"))).toEqual([]);
  });

  it("are needed to list: without, nothing is known, and what is missing is told", async () => {
    const { source, messages } = await withRights({ resource: "statefulsets", verb: "list" });
    await expect
      .poll(() => messages().join("\n"), poll)
      .toMatch(/403: statefulsets.* is forbidden: .*cannot list/);
    expect(source.replicas).toBeUndefined();
  });

  it("are needed to watch: without, it is listed again and again, and what is missing is told", async () => {
    const { source, messages } = await withRights({ resource: "statefulsets", verb: "watch" });
    await expect
      .poll(() => messages().join("\n"), poll)
      .toMatch(/403: statefulsets.* is forbidden: .*cannot watch/);
    expect(source.replicas).toBe(3);
  });

  it("are for the one StatefulSet that is named", async () => {
    const namespace = await Namespace.create(kubeconfig());
    await namespace.createStatefulSet("others", 3);
    await namespace.create(gatewayRights());
    const { logger, lines } = recordingLogger();
    const cluster = new Cluster({ env: { KUBECONFIG: await namespace.kubeconfigOf("gateway") } });
    const source = new StatefulSetReplicas({ cluster, name: "others", logger });
    onTestFinished(() => source.close());
    await expect
      .poll(() => lines.map(({ err }) => String((err as { message?: string })?.message)).join("\n"), poll)
      .toMatch(new RegExp(`403: statefulsets.*"others" is forbidden.*"${namespace.name}"`));
    expect(source.replicas).toBeUndefined();
  });
});
