import { describe, expect, it } from "vitest";
import type { ContainerSpec, Pod } from "../src/api/pod.ts";
import { containerEnv, type DataOf } from "../src/kubelet/env/container-env.ts";
import { expand } from "../src/kubelet/env/expand.ts";
import { fieldValue, resourceValue } from "../src/kubelet/env/fields.ts";
import { serviceVariables } from "../src/kubelet/env/service-variables.ts";

const place = { podIP: "10.244.1.2", hostIP: "10.244.1.1", allocatable: { cpu: "8", memory: "32Gi" } };
const metadata = { name: "accounts-2", namespace: "bank", uid: "u1", resourceVersion: "1" };
const pod: Pod = {
  metadata: { ...metadata, labels: { "a.b/c": "1", d: "x" }, annotations: { note: "hi" } },
  spec: { nodeName: "node-1", serviceAccountName: "teller", containers: [] },
};

function envOf(container: Omit<ContainerSpec, "name">, dataOf: DataOf = async () => undefined) {
  const services = { BANK_SERVICE_HOST: "10.96.0.7" };
  return containerEnv({ pod, place, services, dataOf, container: { name: "app", ...container } });
}

describe("expansion as Kubernetes does it", () => {
  const known = (name: string) => ({ A: "1", B_C: "two" })[name];

  it.each([
    ["$(A)", "1"],
    ["x$(A)y$(B_C)z", "x1ytwoz"],
    ["$(NONE)", "$(NONE)"],
    ["$$(A)", "$(A)"],
    ["$$$(A)", "$1"],
    ["$$$$(A)", "$$(A)"],
    ["$A $[A] $", "$A $[A] $"],
    ["$(A", "$(A"],
  ])("%s is %s", (text, expanded) => {
    expect(expand(text, known)).toBe(expanded);
  });
});

describe("the downward API", () => {
  it.each([
    ["metadata.name", "accounts-2"],
    ["metadata.namespace", "bank"],
    ["metadata.uid", "u1"],
    ["metadata.labels['a.b/c']", "1"],
    ["metadata.labels['none']", ""],
    ["metadata.annotations['note']", "hi"],
    ["metadata.labels", 'a.b/c="1"\nd="x"'],
    ["spec.nodeName", "node-1"],
    ["spec.serviceAccountName", "teller"],
    ["status.podIP", "10.244.1.2"],
    ["status.podIPs", "10.244.1.2"],
    ["status.hostIP", "10.244.1.1"],
  ])("%s is %s", (path, value) => {
    expect(fieldValue(pod, place, path)).toBe(value);
  });

  it("refuses a field that there is not", () => {
    expect(() => fieldValue(pod, place, "spec.tea")).toThrow("spec.tea");
  });

  it.each([
    ["limits.cpu", undefined, "2"],
    ["limits.cpu", "1m", "1500"],
    ["limits.memory", "1Mi", "64"],
    ["requests.memory", "1Ki", "2000"],
    ["requests.cpu", undefined, "0"],
    ["limits.ephemeral-storage", undefined, "0"],
  ])("%s by %s is %s", (resource, divisor, value) => {
    const limits = { cpu: "1500m", memory: "64Mi" };
    const container = { name: "app", resources: { limits, requests: { memory: "2048000" } } };
    const field = divisor === undefined ? { resource } : { resource, divisor };
    expect(resourceValue([container], "app", place, field)).toBe(value);
  });

  it("takes a limit that is not set for what the node has", () => {
    expect(resourceValue([{ name: "app" }], "app", place, { resource: "limits.cpu" })).toBe("8");
  });
});

describe("a container's environment", () => {
  it("refers to what was declared before, to envFrom and to Services, and not to what comes after", async () => {
    const env = [
      { name: "FIRST", value: "$(SECOND)" },
      { name: "SECOND", value: "$(FROM)-$(BANK_SERVICE_HOST)" },
      { name: "THIRD", value: "<$(SECOND)>" },
    ];
    const dataOf: DataOf = async () => new Map([["FROM", Buffer.from("map")]]);
    const seen = await envOf({ env, envFrom: [{ configMapRef: { name: "m" } }] }, dataOf);
    expect(seen).toMatchObject({ FIRST: "$(SECOND)", SECOND: "map-10.96.0.7", THIRD: "<map-10.96.0.7>" });
  });

  it("overrides what Services and envFrom say", async () => {
    const dataOf: DataOf = async () => new Map([["X", Buffer.from("map")]]);
    const env = [
      { name: "X", value: "own" },
      { name: "BANK_SERVICE_HOST", value: "mine" },
    ];
    const seen = await envOf({ env, envFrom: [{ secretRef: { name: "s" }, prefix: "" }] }, dataOf);
    expect(seen).toEqual({ X: "own", BANK_SERVICE_HOST: "mine" });
  });

  it("names what is missing, unless it is optional", async () => {
    const reference = { name: "login", key: "password" };
    const variable = (optional: boolean) => ({
      env: [{ name: "P", valueFrom: { secretKeyRef: { ...reference, optional } } }],
    });
    await expect(envOf(variable(false))).rejects.toThrow("env P: no key password in secrets login");
    expect(await envOf(variable(true))).not.toHaveProperty("P");
    await expect(envOf({ envFrom: [{ configMapRef: { name: "m" } }] })).rejects.toThrow(
      "configmaps m not found",
    );
    expect(await envOf({ envFrom: [{ configMapRef: { name: "m", optional: true } }] })).not.toHaveProperty(
      "P",
    );
  });

  it("of Services is for those that have an address", () => {
    const of = (name: string, clusterIP: string) => ({
      metadata: { ...metadata, name },
      spec: {
        clusterIP,
        ports: [
          { name: "http", port: 80 },
          { name: "x-y", port: 81 },
        ],
      },
    });
    expect(serviceVariables([of("my-gateway", "10.96.0.9"), of("headless", "None")])).toEqual({
      ...{ MY_GATEWAY_SERVICE_HOST: "10.96.0.9", MY_GATEWAY_SERVICE_PORT: "80" },
      ...{ MY_GATEWAY_SERVICE_PORT_HTTP: "80", MY_GATEWAY_SERVICE_PORT_X_Y: "81" },
    });
  });
});
