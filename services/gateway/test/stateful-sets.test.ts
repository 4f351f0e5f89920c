import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryLog } from "@shardcast/log/memory";
import { describe, expect, it, onTestFinished } from "vitest";
import { createGateway, type Gateway } from "../src/index.ts";
import { recordingLogger, startGateway } from "./support/gateway.ts";
import { call } from "./support/http.ts";

/** An API server that knows one StatefulSet; away until it says how many replicas. */
async function startApi() {
  const watches = new Set<ServerResponse>();
  const asked: string[] = [];
  let [version, replicas] = [1, 0];
  const object = () => ({
    metadata: { name: "accounts", resourceVersion: `${version}` },
    spec: { replicas },
  });
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://api");
    asked.push(`${pathname} ${searchParams.get("fieldSelector")}`);
    if (replicas === 0) response.writeHead(503).end("{}");
    else if (searchParams.has("watch")) {
      response.writeHead(200).flushHeaders();
      watches.add(response.on("close", () => watches.delete(response)));
    } else response.end(JSON.stringify({ metadata: { resourceVersion: `${version}` }, items: [object()] }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const dir = mkdtempSync(join(tmpdir(), "shardcast-stateful-sets-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const KUBECONFIG = join(dir, "config");
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  writeFileSync(
    KUBECONFIG,
    JSON.stringify({
      clusters: [{ name: "c", cluster: { server: address, "insecure-skip-tls-verify": true } }],
      users: [{ name: "u", user: {} }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u", namespace: "bank" } }],
      "current-context": "x",
    }),
  );
  return {
    env: { KUBECONFIG },
    asked,
    watches,
    scale(to: number) {
      version++;
      replicas = to;
      for (const watch of watches) watch.write(`${JSON.stringify({ type: "MODIFIED", object: object() })}\n`);
    },
  };
}

/** What the map says, when somebody has planned. */
async function mapOf(gateway: Gateway) {
  const { body } = await call(gateway, "/v1/accounts/shards", { method: "GET" });
  const { epoch, replicas } = JSON.parse(body.toString());
  return { epoch, replicas };
}

describe("replicas from a StatefulSet", () => {
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
    await expect.poll(() => api.watches.size).toBe(1);
    api.scale(5);
    await expect.poll(() => mapOf(gateway), { timeout: 10_000 }).toMatchObject({ replicas: 5 });
    await gateway.close();
    await expect.poll(() => api.watches.size).toBe(0);
  });

  it("are asked for in our own namespace, of those that are named alone, and not by a gateway that does not plan", async () => {
    const api = await startApi();
    api.scale(2);
    const settings = { services: "accounts=4,orders=4/3", env: api.env, statefulSets: "accounts" };
    const idle = await startGateway({ ...settings, planner: false });
    await idle.gateway.ready;
    expect(api.asked).toEqual([]);
    const { gateway } = await startGateway({ ...settings, planner: true });
    await expect.poll(() => mapOf(gateway), { timeout: 10_000 }).toMatchObject({ replicas: 2 });
    expect(new Set(api.asked)).toEqual(
      new Set(["/apis/apps/v1/namespaces/bank/statefulsets metadata.name=accounts"]),
    );
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
