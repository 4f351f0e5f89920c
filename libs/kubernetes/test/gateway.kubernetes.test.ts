import { createGateway } from "@shardcast/gateway";
import { createMemoryLog } from "@shardcast/log/memory";
import { describe, expect, it, onTestFinished } from "vitest";
import { needsCluster } from "./support/needs-cluster.ts";
import { gatewayRights, Namespace } from "./support/real-cluster.ts";

const kubeconfig = needsCluster();
const poll = { timeout: 60_000 };

describe("a gateway with the rights of k8s/rbac-gateway.yaml", () => {
  it("plans for as many replicas as the StatefulSet is scaled to", async () => {
    const namespace = await Namespace.create(kubeconfig());
    await namespace.create(gatewayRights());
    const gateway = await createGateway({
      log: createMemoryLog(),
      ...{ host: "127.0.0.1", port: 0, services: "accounts=24", logLevel: "silent" },
      // There are no members here, and for nobody nothing is planned.
      reassignAfterMs: 600_000,
      env: { KUBECONFIG: await namespace.kubeconfigOf("gateway"), SHARDCAST_STATEFUL_SETS: "accounts" },
    });
    onTestFinished(() => gateway.close());
    await gateway.ready;
    const map = async () => {
      const response = await fetch(`${gateway.url}/v1/accounts/shards`);
      return (await response.json()) as { epoch: number; replicas: number; lanes: { ordinal: number }[] };
    };
    await namespace.createStatefulSet("accounts", 3);
    await expect.poll(map, poll).toMatchObject({ epoch: 1, replicas: 3 });
    const { lanes } = await map();
    expect(new Set(lanes.map(({ ordinal }) => ordinal))).toEqual(new Set([0, 1, 2]));
    await namespace.scale("accounts", 5);
    await expect.poll(map, poll).toMatchObject({ replicas: 5 });
    await namespace.scale("accounts", 2);
    await expect.poll(map, poll).toMatchObject({ replicas: 2 });
  });
});
