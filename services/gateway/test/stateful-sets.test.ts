import { createMemoryLog } from "@shardcast/log/memory";
import { describe, expect, it, onTestFinished } from "vitest";
import { createGateway, type Gateway } from "../src/index.ts";
import { forgedMember, writeControl } from "./support/control.ts";
import { recordingLogger, SERVICE, startGateway } from "./support/gateway.ts";
import { call } from "./support/http.ts";
import { startApi } from "./support/kubernetes-api.ts";

/** What the map says, when somebody has planned. */
async function mapOf(gateway: Gateway) {
  const { body } = await call(gateway, "/v1/accounts/shards", { method: "GET" });
  const { epoch, replicas } = JSON.parse(body.toString());
  return { epoch, replicas };
}

/** The Kubernetes client is loaded: seconds on a busy machine. */
const LOADING = { timeout: 30_000 };

describe("replicas from a StatefulSet", LOADING, () => {
  it("are planned for when they are known, not before, and the gateway is ready all the same", async () => {
    const api = await startApi();
    const settings = { services: "accounts=12/4", planner: true, statefulSets: "accounts=shop/accounts" };
    // There are no members here, and for nobody nothing is planned.
    const reassignAfterMs = 600_000;
    const { logger, lines } = recordingLogger();
    const { gateway } = await startGateway({ ...settings, reassignAfterMs, env: api.env, logger });
    await gateway.ready;
    expect((await call(gateway, "/readyz", { method: "GET" })).status).toBe(200);
    await expect.poll(() => api.asked.length, { timeout: 10_000 }).toBeGreaterThan(2);
    expect(api.asked[0]).toBe("/apis/apps/v1/namespaces/shop/statefulsets metadata.name=accounts");
    expect((await mapOf(gateway)).epoch ?? 0).toBe(0);
    expect(lines.filter(({ msg }) => msg === "published a map")).toEqual([]);
    api.scale(3);
    await expect.poll(() => mapOf(gateway), { timeout: 10_000 }).toMatchObject({ epoch: 1, replicas: 3 });
    // Of how many there are to be; of the pods, with what says which ones those are, and what publishes them.
    await expect.poll(() => api.watches.size).toBe(4);
    api.scale(5);
    await expect.poll(() => mapOf(gateway), { timeout: 10_000 }).toMatchObject({ replicas: 5 });
    await gateway.close();
    await expect.poll(() => api.watches.size).toBe(0);
  });

  it("are asked for in our own namespace, of those that are named alone; of the pods also by a gateway that does not plan", async () => {
    const api = await startApi();
    api.scale(2);
    const settings = { services: "accounts=4,orders=4/3", env: api.env, statefulSets: "accounts" };
    await startGateway({ ...settings, planner: false });
    const paths = [
      "/apis/apps/v1/namespaces/bank/statefulsets metadata.name=accounts",
      "/api/v1/namespaces/bank/pods app=accounts",
      "/apis/discovery.k8s.io/v1/namespaces/bank/endpointslices kubernetes.io/service-name=accounts",
    ];
    await expect.poll(() => api.watches.size, { timeout: 10_000 }).toBe(3);
    expect(new Set(api.asked)).toEqual(new Set(paths));
    const { gateway } = await startGateway({ ...settings, planner: true });
    await expect.poll(() => mapOf(gateway), { timeout: 10_000 }).toMatchObject({ replicas: 2 });
    expect(new Set(api.asked)).toEqual(new Set(paths));
    const orders = async () =>
      JSON.parse((await call(gateway, "/v1/orders/shards", { method: "GET" })).body.toString()).replicas;
    await expect.poll(orders).toBe(3);
  });

  it("are refused at the start where there is no way to an API", async () => {
    const log = createMemoryLog();
    onTestFinished(() => log.close());
    const env = { KUBECONFIG: "/nowhere/config" };
    const settings = { log, port: 0, services: "accounts=4", statefulSets: "accounts", env };
    await expect(createGateway(settings)).rejects.toMatchObject({
      code: "SHARDCAST_INVALID_CONFIG",
      message: expect.stringMatching(/SHARDCAST_STATEFUL_SETS.*\/nowhere\/config/),
    });
  });
});

describe("the pods of a StatefulSet", LOADING, () => {
  const member = forgedMember("1", "http://accounts-1:3000");
  const settings = { services: "accounts=2/2", statefulSets: "accounts", planner: false };

  async function ownerOf(gateway: Gateway) {
    const { status, body } = await call(gateway, "/v1/accounts/keys/7", { method: "GET" });
    return { status, ...JSON.parse(body.toString()) } as Record<string, unknown>;
  }

  it("are told by the directory, also of a gateway that does not plan, and close with it", async () => {
    const api = await startApi();
    api.scale(2);
    api.pod({ ordinal: 1 });
    const clusterDomain = "example.org";
    const { gateway, log } = await startGateway({ ...settings, clusterDomain, env: api.env });
    await gateway.ready;
    await writeControl(log, SERVICE, "1", [member.owned(0), member.owned(1)]);
    await expect
      .poll(() => ownerOf(gateway), { timeout: 10_000 })
      .toMatchObject({
        ...{ state: "owned", member: "1", url: "http://accounts-1:3000" },
        ...{ pod: "accounts-1", podUid: "uid-1", dnsName: "accounts-1.accounts.bank.svc.example.org" },
        ...{ address: "10.0.0.1", addresses: ["10.0.0.1", "fd00::1"], ports: { http: 3_000 } },
        ...{ ready: true, terminating: false, discoveryAgeMs: expect.any(Number) },
      });
    await expect.poll(() => api.watches.size).toBe(3);
    api.pod({ ordinal: 1, ready: false, terminating: true });
    await expect.poll(() => ownerOf(gateway)).toMatchObject({ ready: false, terminating: true });
    await gateway.close();
    await expect.poll(() => api.watches.size).toBe(0);
  });

  it("are not told without the rights, which is logged once, and all else is", async () => {
    const api = await startApi({ refused: ["pods", "endpointslices"] });
    api.scale(2);
    const { logger, lines } = recordingLogger();
    const { gateway, log } = await startGateway({ ...settings, env: api.env, logger });
    await gateway.ready;
    await writeControl(log, SERVICE, "1", [member.owned(0), member.owned(1)]);
    const tries = () => api.asked.filter((each) => each.includes("/pods")).length;
    await expect.poll(tries, { timeout: 10_000 }).toBeGreaterThan(2);
    const owner = await ownerOf(gateway);
    expect(owner).toMatchObject({ status: 200, state: "owned", url: "http://accounts-1:3000" });
    expect(owner).not.toHaveProperty("pod");
    expect(owner).not.toHaveProperty("discoveryAgeMs");
    const warned = lines.filter(({ level, path }) => level >= 40 && String(path).endsWith("/pods"));
    expect(warned).toHaveLength(1);
  });
});
