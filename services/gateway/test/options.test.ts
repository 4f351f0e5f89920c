import { isShardcastError } from "@shardcast/protocol";
import { describe, expect, it } from "vitest";
import { GATEWAY_ENV, resolveGatewayOptions } from "../src/options.ts";
import { usage } from "../src/usage.ts";

function faultsOf(options: object, env: Record<string, string>): readonly string[] {
  try {
    resolveGatewayOptions(options, env);
  } catch (error) {
    if (isShardcastError(error) && error.code === "SHARDCAST_INVALID_CONFIG") {
      return error.extensions.faults as string[];
    }
    throw error;
  }
  return [];
}

describe("resolveGatewayOptions", () => {
  it("reads services as text", () => {
    const { services } = resolveGatewayOptions(
      {},
      { SHARDCAST_SERVICES: "accounts=3, orders=12:modulo,invoices,bills:murmur2,constructor," },
    );
    expect(services).toEqual({
      accounts: { lanes: 3 },
      orders: { lanes: 12, strategy: "modulo" },
      invoices: {},
      bills: { strategy: "murmur2" },
      constructor: {},
    });
  });

  it("reads how many replicas share the lanes", () => {
    const { services } = resolveGatewayOptions(
      {},
      { SHARDCAST_SERVICES: "accounts=24/3,orders=12/4:modulo" },
    );
    expect(services).toEqual({
      accounts: { lanes: 24, replicas: 3 },
      orders: { lanes: 12, replicas: 4, strategy: "modulo" },
    });
    const record = { accounts: { lanes: 24, replicas: 3 }, bills: { replicas: 2 } };
    expect(resolveGatewayOptions({ services: record }, {}).services).toEqual(record);
  });

  it.each([
    ["a=3/4", "services.a.replicas"],
    ["a/3", "services.a/3"],
    ["a=3/", '"a=3/"'],
    ["a=/3", '"a=/3"'],
  ])("refuses %s", (services, named) => {
    expect(faultsOf({ services }, {}).join("\n")).toContain(named);
  });

  it("takes services without durable members, which only broadcasts to who is alive (C6)", () => {
    expect(resolveGatewayOptions({ services: "a=3/0" }, {}).services).toEqual({
      a: { lanes: 3, replicas: 0 },
    });
    const record = { a: { replicas: 0 } };
    expect(resolveGatewayOptions({ services: record }, {}).services).toEqual(record);
    expect(faultsOf({ services: { a: { replicas: -1 } } }, {}).join()).toContain("services.a.replicas");
  });

  it("keeps broadcasts for a day, unless it is told otherwise", () => {
    expect(resolveGatewayOptions({ services: "a" }, {}).broadcastRetentionMs).toBe(86_400_000);
    const of = (text: string) => ({ SHARDCAST_BROADCAST_RETENTION_MS: text });
    expect(resolveGatewayOptions({ services: "a" }, of("3600000")).broadcastRetentionMs).toBe(3_600_000);
    expect(faultsOf({ services: "a" }, of("999")).join()).toContain("SHARDCAST_BROADCAST_RETENTION_MS");
  });

  it("refuses more replicas than lanes in a record too", () => {
    expect(faultsOf({ services: { a: { lanes: 2, replicas: 3 } } }, {}).join("\n")).toContain(
      "more replicas than lanes",
    );
  });

  it("plans unless it is told not to", () => {
    expect(resolveGatewayOptions({ services: "a" }, {})).toMatchObject({
      planner: true,
      reassignAfterMs: 10_000,
    });
    const env = {
      SHARDCAST_PLANNER: "false",
      SHARDCAST_REASSIGN_AFTER_MS: "1000",
      SHARDCAST_REPLICAS_FILE: "replicas.json",
    };
    expect(resolveGatewayOptions({ services: "a" }, env)).toMatchObject({
      planner: false,
      reassignAfterMs: 1_000,
      replicasFile: "replicas.json",
    });
    const faults = faultsOf(
      { services: "a" },
      { SHARDCAST_PLANNER: "perhaps", SHARDCAST_REASSIGN_AFTER_MS: "999" },
    );
    expect(faults.join("\n")).toMatch(/SHARDCAST_REASSIGN_AFTER_MS[\s\S]*SHARDCAST_PLANNER/);
  });

  it("reads which StatefulSets say how many replicas", () => {
    const text = "accounts, orders=orders-v2,bills=shop/bills.v1,";
    const env = { SHARDCAST_STATEFUL_SETS: text };
    const { statefulSets } = resolveGatewayOptions({ services: "accounts,orders,bills" }, env);
    expect(statefulSets).toEqual({
      accounts: { name: "accounts" },
      orders: { name: "orders-v2" },
      bills: { namespace: "shop", name: "bills.v1" },
    });
    const services = "accounts,orders,bills";
    expect(resolveGatewayOptions({ services, statefulSets }, {}).statefulSets).toEqual(statefulSets);
    expect(resolveGatewayOptions({ services }, {}).statefulSets).toEqual({});
  });

  it.each([
    ["a=", '"a=" is not service[=[namespace/]name]'],
    ["a=x/y/z", '"a=x/y/z"'],
    ["a=/y", '"a=/y"'],
    ["a,a=b", "a is named twice"],
    ["a=Bad", "not the name of a StatefulSet"],
    ["a=no.dots/x", "not the name of a namespace"],
    ["b", "this gateway does not serve it"],
  ])("refuses StatefulSets %s", (statefulSets, named) => {
    const faults = faultsOf({ services: "a" }, { SHARDCAST_STATEFUL_SETS: statefulSets }).join("\n");
    expect(faults).toContain(named);
    expect(faults).toContain("SHARDCAST_STATEFUL_SETS");
  });

  it("reads what names of Services end in", () => {
    const domainOf = (env: Record<string, string>) =>
      resolveGatewayOptions({ services: "a" }, env).clusterDomain;
    expect(domainOf({})).toBe("cluster.local");
    expect(domainOf({ SHARDCAST_CLUSTER_DOMAIN: "k8s.bank.example" })).toBe("k8s.bank.example");
    for (const domain of ["", ".local", "a..b", "a_b", "-a", `${"a.".repeat(127)}ab`])
      expect(faultsOf({ services: "a", clusterDomain: domain }, {}).join()).toContain(
        "SHARDCAST_CLUSTER_DOMAIN",
      );
  });

  it("refuses two that say how many replicas are wanted, and a StatefulSet of who is said to have none", () => {
    const both = { SHARDCAST_STATEFUL_SETS: "a", SHARDCAST_REPLICAS_FILE: "replicas.json" };
    expect(faultsOf({ services: "a" }, both).join("\n")).toMatch(
      /statefulSets \(SHARDCAST_STATEFUL_SETS\): not together with .*SHARDCAST_REPLICAS_FILE/,
    );
    expect(faultsOf({ services: "a=3/0", statefulSets: "a" }, {}).join("\n")).toContain("no durable members");
    expect(faultsOf({ services: "a=3/2", statefulSets: "a" }, {})).toEqual([]);
  });

  it("keeps results for a day, and takes delays of a week, unless it is told otherwise", () => {
    expect(resolveGatewayOptions({ services: "a" }, {})).toMatchObject({
      resultRetentionMs: 86_400_000,
      maxDelayMs: 604_800_000,
      eventHeartbeatMs: 15_000,
    });
    const env = {
      SHARDCAST_RESULT_RETENTION_MS: "3600000",
      SHARDCAST_MAX_DELAY_MS: "0",
      SHARDCAST_EVENT_HEARTBEAT_MS: "1000",
    };
    expect(resolveGatewayOptions({ services: "a" }, env)).toMatchObject({
      resultRetentionMs: 3_600_000,
      maxDelayMs: 0,
      eventHeartbeatMs: 1_000,
    });
    expect(faultsOf({ services: "a" }, { SHARDCAST_RESULT_RETENTION_MS: "999" }).join()).toContain(
      "SHARDCAST_RESULT_RETENTION_MS",
    );
  });

  it("refuses more lanes than the id of a request can name", () => {
    expect(faultsOf({ services: "a=65536" }, {})).toEqual([]);
    expect(faultsOf({ services: "a=65537" }, {}).join()).toContain("services.a.lanes");
  });

  it("prefers the option to the environment to the default", () => {
    const env = { SHARDCAST_PORT: "1", SHARDCAST_HOST: "::1", SHARDCAST_FORWARD_HEADERS: "X-A, x-b" };
    const settings = resolveGatewayOptions({ services: "a", port: 2 }, env);
    expect(settings).toMatchObject({
      port: 2,
      host: "::1",
      forwardHeaders: ["x-a", "x-b"],
      maxInFlight: 10_000,
    });
  });

  it("reports all faults together, with the variable", () => {
    const faults = faultsOf(
      {},
      {
        SHARDCAST_SERVICES: "a=0,b:foo,a=1,A,==",
        SHARDCAST_PORT: "70000",
        SHARDCAST_LOG_LEVEL: "loud",
        SHARDCAST_FORWARD_HEADERS: "good,b@d",
        SHARDCAST_TOPIC_PREFIX: "a b",
      },
    ).join("\n");
    for (const part of [
      "a is named twice",
      '"=="',
      "services.a.lanes",
      "services.b.strategy",
      "services.A",
    ]) {
      expect(faults).toContain(part);
    }
    for (const name of ["PORT", "LOG_LEVEL", "FORWARD_HEADERS", "TOPIC_PREFIX"]) {
      expect(faults).toContain(`SHARDCAST_${name}`);
    }
  });

  it("needs a service", () => {
    expect(faultsOf({}, {})).toHaveLength(1);
    expect(faultsOf({ services: {} }, {})).toHaveLength(1);
    expect(faultsOf({}, { SHARDCAST_SERVICES: " , " })).toHaveLength(1);
  });
});

it("--help names every variable", () => {
  for (const variable of Object.values(GATEWAY_ENV)) expect(usage()).toContain(`  ${variable} `);
});
