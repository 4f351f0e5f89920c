import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { GATEWAY_ENV } from "@shardcast/gateway";
import { KAFKA_ENV } from "@shardcast/log-kafka";
import { WORKER_ENV } from "@shardcast/worker";
import { describe, expect, test } from "vitest";
import { resolveKafkaOptions } from "../../libs/log-kafka/src/options.ts";
import { resolveWorkerOptions } from "../../libs/worker/src/options.ts";
import { ACCOUNTS_ENV, resolveAccountsOptions } from "../../services/accounts/src/options.ts";
import { resolveGatewayOptions } from "../../services/gateway/src/options.ts";
import { resolveSidecarOptions, SIDECAR_ENV } from "../../services/sidecar/src/options.ts";
import { needsHelm, template, type Values } from "./support/chart.ts";
import { type Container, environmentOf, type PodTemplate, podTemplates } from "./support/pods.ts";
import { VARIANTS } from "./support/variants.ts";

needsHelm();

const OURS = ["gateway", "worker", "sidecar"];
/** What the pod gives, and Node's own. */
const OTHERS = ["POD_IP", "TMPDIR"];
const KNOWN: Readonly<Record<string, readonly object[]>> = {
  gateway: [GATEWAY_ENV, KAFKA_ENV],
  worker: [WORKER_ENV, KAFKA_ENV, ACCOUNTS_ENV],
  sidecar: [WORKER_ENV, KAFKA_ENV, SIDECAR_ENV],
};

/** How long a process gives itself beyond its grace time, as it says itself. */
function leaveMs(service: "gateway" | "accounts" | "sidecar"): number {
  const source = readFileSync(new URL(`../../services/${service}/src/main.ts`, import.meta.url), "utf8");
  return Number(/LEAVE_MS = ([\d_]+);/.exec(source)?.[1]?.replaceAll("_", ""));
}

function only<T>(all: readonly T[]): T {
  const [first] = all;
  if (all.length !== 1 || first === undefined) throw new Error(`${all.length}, not one`);
  return first;
}

const ours = (pods: readonly PodTemplate[]) =>
  pods.flatMap((pod) =>
    pod.containers.filter(({ name }) => OURS.includes(name)).map((container) => ({ pod, container })),
  );

const FILES = ["CA_FILE", "CERT_FILE", "KEY_FILE"].map((name) => `SHARDCAST_KAFKA_SSL_${name}`);

/** Secrets are there, and can be read. */
function withReadableFiles(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const readable = FILES.filter((name) => env[name] !== undefined).map((name) => [
    name,
    fileURLToPath(import.meta.url),
  ]);
  return { ...env, ...Object.fromEntries(readable) };
}

describe.each(Object.entries(VARIANTS))("pods of the chart: %s", (_, values) => {
  test("run as nobody in particular, on a root that is read-only, with limits, and without a token they do not need", async () => {
    for (const { name, kind, spec, containers } of podTemplates(await template(values))) {
      expect(spec.securityContext, name).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 1000,
        seccompProfile: { type: "RuntimeDefault" },
      });
      for (const container of containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        });
        expect(container.resources.limits.memory).toBeDefined();
      }
      expect(spec.automountServiceAccountToken, name).toBe(kind === "Deployment");
    }
  });

  test("write only to what is mounted, and mount only what there is", async () => {
    for (const { spec, containers } of podTemplates(await template(values))) {
      const volumes = (spec.volumes ?? []).map(({ name }: { name: string }) => name);
      const mounted = containers.flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name));
      expect(new Set(mounted)).toEqual(new Set(volumes));
      for (const container of containers) {
        const { TMPDIR, ACCOUNTS_DIR } = environmentOf(container);
        const paths = (container.volumeMounts ?? []).map(({ mountPath }) => mountPath);
        for (const folder of [TMPDIR, ACCOUNTS_DIR])
          if (folder !== undefined) expect(paths).toContain(folder);
      }
    }
  });

  test("set only variables that the programs know", async () => {
    for (const { container } of ours(podTemplates(await template(values)))) {
      const known = (KNOWN[container.name] ?? []).flatMap((table) => Object.values(table));
      const unknown = Object.keys(environmentOf(container)).filter(
        (name) => !known.includes(name) && !OTHERS.includes(name),
      );
      expect(unknown, container.name).toEqual([]);
    }
  });

  test("have variables that the programs take", async () => {
    for (const { container } of ours(podTemplates(await template(values)))) {
      const env = withReadableFiles(environmentOf(container));
      resolveKafkaOptions({}, env);
      if (container.name === "gateway") resolveGatewayOptions({}, env);
      else {
        const { url } = resolveWorkerOptions({} as never, env);
        expect(url).toMatch(/^http:\/\/10\.1\.2\.3:\d+$/);
        if (env.ACCOUNTS_DIR !== undefined) resolveAccountsOptions(env);
        if (container.name === "sidecar") expect(resolveSidecarOptions(env).membership).toBe("durable");
      }
    }
  });

  test("have longer to end than the programs take", async () => {
    for (const { pod, container } of ours(podTemplates(await template(values)))) {
      const { SHARDCAST_SHUTDOWN_GRACE_MS, SHARDCAST_GRACE_MS } = environmentOf(container);
      const graceMs = Number(SHARDCAST_SHUTDOWN_GRACE_MS ?? SHARDCAST_GRACE_MS);
      const preStopMs = (container.lifecycle?.preStop.sleep?.seconds ?? 0) * 1_000;
      const name = container.name === "worker" ? "accounts" : (container.name as "gateway" | "sidecar");
      expect(pod.spec.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(
        preStopMs + graceMs + leaveMs(name),
      );
    }
  });

  test("are those that Services, budgets, policies and their own controllers select, and no others", async () => {
    const objects = await template(values);
    const pods = podTemplates(objects);
    const matching = (selector: Readonly<Record<string, string>>) =>
      pods.filter(({ labels }) => Object.entries(selector).every(([name, value]) => labels[name] === value));
    for (const { kind, metadata, spec } of objects) {
      const selector = kind === "Service" ? spec.selector : spec?.selector?.matchLabels;
      if (selector === undefined || kind === "PersistentVolumeClaim") continue;
      expect(
        matching(selector).map(({ name }) => name),
        `${kind} ${metadata.name}`,
      ).toEqual([metadata.name]);
    }
    for (const { spec } of pods)
      for (const { labelSelector } of spec.topologySpreadConstraints ?? [])
        expect(matching(labelSelector.matchLabels)).toHaveLength(1);
  });
});

describe("roll-outs of the chart", () => {
  const templatesOf = async (values: Values) => podTemplates(await template(values)).map(({ spec }) => spec);

  test("come of no change of workers.replicas", async () => {
    expect(await templatesOf({ workers: { replicas: 7 } })).toEqual(await templatesOf({}));
  });

  test("wait for lanes: the readiness probe is the worker's own", async () => {
    const { containers } = only(podTemplates(await template()).filter(({ kind }) => kind === "StatefulSet"));
    expect(only(containers)).toMatchObject({
      readinessProbe: { httpGet: { path: "/readyz", port: "http" } },
    });
  });

  test("end the sidecar before its application", async () => {
    const native = only(podTemplates(await template(VARIANTS["a native sidecar"])).filter(isReplica));
    // An init container that restarts is ended when all others have ended.
    expect(
      native.spec.initContainers.map(({ name, restartPolicy }: Container) => [name, restartPolicy]),
    ).toEqual([["application", "Always"]]);
    expect(native.spec.containers.map(({ name }: Container) => name)).toEqual(["sidecar"]);
    const plain = podTemplates(await template(VARIANTS["a sidecar as a container like others"]));
    const { containers, spec } = only(plain.filter(isReplica));
    const [sidecar, application] = containers as [Container, Container];
    const { SHARDCAST_GRACE_MS, SHARDCAST_HEALTH_PORT, SHARDCAST_POD_UID } = environmentOf(sidecar);
    const port = Number(SHARDCAST_HEALTH_PORT);
    expect(application.lifecycle).toEqual({ preStop: { httpGet: { path: "/drained", port } } });
    const leavingMs = Number(SHARDCAST_GRACE_MS) + leaveMs("sidecar");
    expect(spec.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(leavingMs);
    // It may die alone, and its application works on.
    expect(SHARDCAST_POD_UID).toBeUndefined();
  });
});

function isReplica({ kind }: PodTemplate): boolean {
  return kind === "StatefulSet";
}
