import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, beforeEach, describe, expect, inject, onTestFinished, test } from "vitest";
import { CHART } from "../../k8s/render.ts";
import { needsHelm, templateText } from "./support/chart.ts";
import { command, kubectl, newNamespace } from "./support/kubectl.ts";
import { VARIANTS } from "./support/variants.ts";

const K8S = fileURLToPath(new URL("../../k8s/", import.meta.url));
const KEDA = fileURLToPath(new URL("support/keda-crds.yaml", import.meta.url));
const poll = { timeout: 60_000 };

const kubeconfig = inject("kubeconfig");
beforeEach(({ skip }) =>
  skip(kubeconfig === undefined, "no Kubernetes: neither KUBECONFIG nor CTLPLANE_DIR"),
);

beforeAll(async () => {
  if (kubeconfig === undefined) return undefined;
  // A cluster that has KEDA keeps its own.
  if ((await kubectl(["get", "crds", "--output=name"])).includes("scaledobjects.keda.sh")) return undefined;
  await kubectl(["create", "--filename", KEDA]);
  await kubectl(["wait", "--for=condition=Established", "--timeout=30s", "--filename", KEDA]);
  return async () => {
    await kubectl(["delete", "--filename", KEDA, "--wait=false"]);
  };
});

/** As it would be created, by strict validation: what the API does not know is refused, not dropped. */
const dryRun = (namespace: string, yaml: string) =>
  kubectl(
    ["create", "--dry-run=server", "--validate=strict", "--namespace", namespace, "--filename=-"],
    yaml,
  );

describe("a real API server", () => {
  test.each(globSync("manifests/**/*.yaml", { cwd: K8S }))("takes k8s/%s", async (file) => {
    const text = readFileSync(join(K8S, file), "utf8");
    const said = await dryRun(await newNamespace(), text);
    expect(said.trim().split("\n")).toHaveLength([...text.matchAll(/^kind: /gm)].length);
  });

  test("takes all of k8s/manifests by kubectl apply", async () => {
    const folder = join(K8S, "manifests");
    const namespace = ["--namespace", await newNamespace()];
    await kubectl(["apply", "--dry-run=server", ...namespace, "--filename", folder]);
  });

  test("refuses what it does not know, so that taking means something", async () => {
    const text = readFileSync(join(K8S, "manifests/accounts.yaml"), "utf8");
    const misspelt = text.replace("podManagementPolicy:", "podManagmentPolicy:");
    await expect(dryRun(await newNamespace(), misspelt)).rejects.toThrow(/podManagmentPolicy/);
  });
});

describe("a real API server and Helm", () => {
  const helm = needsHelm();

  test.each(Object.entries(VARIANTS))("take the chart: %s", async (_, values) => {
    const [namespace, other] = [await newNamespace(), await newNamespace()];
    const text = (await templateText(values, namespace)).replaceAll(
      "namespace: books",
      `namespace: ${other}`,
    );
    // Each object by itself: one that goes to another namespace is refused where one is given.
    const said = await kubectl(
      ["create", "--dry-run=server", "--validate=strict", "--filename=-"],
      inNamespace(text, namespace),
    );
    expect(said.trim().split("\n")).toHaveLength([...text.matchAll(/^kind: /gm)].length);
  });

  test("install the chart; to scale, by Helm or kubectl, renews no pod, and an upgrade leaves kubectl's number", async () => {
    const namespace = await newNamespace();
    const release = (verb: string, ...set: string[]) =>
      command(helm(), [verb, "shardcast", CHART, "--namespace", namespace, ...set]);
    const notes = await release("install");
    onTestFinished(async () => {
      await command(helm(), ["uninstall", "shardcast", "--namespace", namespace]);
    });
    expect(notes).toContain("http://localhost:8080/v1/accounts/keys/carol/deposit");
    const of = ["--namespace", namespace];
    const statefulSet = ["get", "statefulset/shardcast-accounts", ...of];
    const revision = () => kubectl([...statefulSet, "--output=jsonpath={.status.updateRevision}"]);
    // All at once, though nobody makes any of them ready here (Parallel).
    await expect.poll(() => replicasOf(namespace), poll).toEqual(["0", "1", "2"]);
    const before = await revision();
    await release("upgrade", "--set=workers.replicas=5");
    await expect.poll(() => replicasOf(namespace), poll).toEqual(["0", "1", "2", "3", "4"]);
    // What Helm no longer says, the API would take for 1.
    await release("upgrade", "--set=workers.externallyScaled=true");
    expect(await kubectl([...statefulSet, "--output=jsonpath={.spec.replicas}"])).toBe("5");
    await kubectl(["scale", "statefulset/shardcast-accounts", "--replicas=2", ...of]);
    await release("upgrade", "--set=workers.externallyScaled=true", "--set=gateway.preStopSeconds=6");
    await expect.poll(() => replicasOf(namespace), poll).toEqual(["0", "1"]);
    expect(await revision()).toBe(before);
  });

  test("number pods from ordinals.start on", async () => {
    const namespace = await newNamespace();
    const text = await templateText({ workers: { ordinals: { start: 5 } } }, namespace);
    await kubectl(["create", "--namespace", namespace, "--filename=-"], text);
    await expect.poll(() => replicasOf(namespace), poll).toEqual(["5", "6", "7"]);
  });
});

async function replicasOf(namespace: string): Promise<string[]> {
  const label = "--selector=app.kubernetes.io/component=replica";
  const names = await kubectl(["get", "pods", "--namespace", namespace, label, "--output=name"]);
  return names
    .trim()
    .split("\n")
    .map((name) => name.replace(/^.*-/, ""))
    .sort();
}

/** The objects of a rendered chart, each with the namespace that Helm would put it into. */
function inNamespace(text: string, namespace: string): string {
  return text.replace(
    /^metadata:\n(?! {2}name: .*\n {2}namespace:)/gm,
    `metadata:\n  namespace: ${namespace}\n`,
  );
}
