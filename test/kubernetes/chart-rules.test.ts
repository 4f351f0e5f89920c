import { readFileSync } from "node:fs";
import { groupOf, topicsOf } from "@shardcast/protocol";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { resolveGatewayOptions } from "../../services/gateway/src/options.ts";
import { type KubernetesObject, needsHelm, template } from "./support/chart.ts";
import { type PodTemplate, podTemplates } from "./support/pods.ts";
import { VARIANTS } from "./support/variants.ts";

needsHelm();

const ofKind = (objects: readonly KubernetesObject[], kind: string) =>
  objects.filter((object) => object.kind === kind);

describe("rights of the gateway", () => {
  test("are those of docs/kubernetes.md, and no others", async () => {
    const docs = readFileSync(new URL("../../docs/kubernetes.md", import.meta.url), "utf8");
    const rows = [...docs.matchAll(/^\| `(\w+)` \| `([\w.]*)` \| ([^|]+) \| `([\w, ]+)` \|/gm)];
    const stated = rows.map(([, resource, group, which, verbs]) => [
      { resource, group, named: which?.startsWith("those named") },
      verbs?.split(", "),
    ]);
    const [role] = ofKind(await template(), "Role");
    const rules = role?.rules.map(({ apiGroups, resources, resourceNames, verbs }: PolicyRule) => [
      { resource: resources.join(), group: apiGroups.join(), named: resourceNames !== undefined },
      verbs,
    ]);
    expect(rules).toEqual(stated);
    expect(role?.rules[0].resourceNames).toEqual(["shardcast-accounts"]);
  });

  test("are given where the StatefulSets are, to the gateway's account alone", async () => {
    const objects = await template(VARIANTS["nothing but gateways"]);
    const where = ofKind(objects, "Role").map(({ metadata, rules }) => [
      metadata.namespace,
      rules[0].resourceNames,
    ]);
    expect(where).toEqual([
      [undefined, ["orders"]],
      ["books", ["ledger-v2"]],
    ]);
    const subjects = ofKind(objects, "RoleBinding").map(({ subjects }) => subjects);
    const account = { kind: "ServiceAccount", name: "shardcast-gateway" };
    expect(subjects).toEqual([[account], [{ ...account, namespace: "bank" }]]);
    const [gateway] = podTemplates(objects);
    expect(gateway?.spec.serviceAccountName).toBe("shardcast-gateway");
    expect(ofKind(objects, "ClusterRole")).toEqual([]);
  });
});

interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

describe("network policies", () => {
  const VALUES = { kafka: { brokers: ["a:9093", "b:9093", "c:9094"] }, ...VARIANTS["jobs that notify"] };

  test("leave no pod without one", async () => {
    const objects = await template(VALUES);
    const policies = ofKind(objects, "NetworkPolicy");
    for (const pod of podTemplates(objects)) {
      const selecting = policies.filter(({ spec }) => matches(spec.podSelector, pod));
      expect(selecting, pod.name).toHaveLength(1);
      expect(selecting[0]?.spec.policyTypes).toEqual(["Ingress", "Egress"]);
    }
  });

  test("let gateways, and nobody else, reach replicas, on the port that these have", async () => {
    const objects = await template(VALUES);
    const [gateway, replica] = podTemplates(objects) as [PodTemplate, PodTemplate];
    const [into] = ingressOf(objects, replica);
    expect(ingressOf(objects, replica)).toHaveLength(1);
    expect(into?.from?.map(({ podSelector }) => podSelectorOf(objects, podSelector))).toEqual([
      [gateway.name],
    ]);
    expect(portsOf(into)).toEqual(
      replica.containers.flatMap(({ ports = [] }) => ports.map((p) => p.containerPort)),
    );
    const out = egressOf(objects, gateway).find(({ to }) =>
      to?.some((peer) => matches(peer.podSelector, replica)),
    );
    expect(portsOf(out)).toEqual(portsOf(into));
  });

  test("let jobs reach gateways and names, and nobody reach jobs", async () => {
    const objects = await template(VALUES);
    const jobs = podTemplates(objects).filter(({ kind }) => kind.endsWith("Job"));
    expect(jobs).toHaveLength(2);
    for (const pod of jobs) {
      expect(ingressOf(objects, pod)).toEqual([]);
      expect(egressOf(objects, pod).flatMap(portsOf)).toEqual([53, 53, 8080]);
    }
  });

  test("let gateways and replicas out to the ports of all brokers, gateways also to the API server", async () => {
    const objects = await template(VALUES);
    const [gateway, replica] = podTemplates(objects) as [PodTemplate, PodTemplate];
    expect(egressOf(objects, replica).flatMap(portsOf)).toEqual([53, 53, 9093, 9094]);
    expect(egressOf(objects, gateway).flatMap(portsOf)).toEqual([53, 53, 9093, 9094, 443, 6443, 8081]);
  });

  interface Rule {
    readonly ports?: readonly { readonly port: number }[];
    readonly from?: readonly { readonly podSelector: Selector }[];
    readonly to?: readonly { readonly podSelector: Selector }[];
  }
  interface Selector {
    readonly matchLabels?: Readonly<Record<string, string>>;
  }

  function matches({ matchLabels = {} }: Selector, { labels }: PodTemplate): boolean {
    return Object.entries(matchLabels).every(([name, value]) => labels[name] === value);
  }

  function podSelectorOf(objects: readonly KubernetesObject[], selector: Selector): string[] {
    return podTemplates(objects)
      .filter((pod) => matches(selector, pod))
      .map(({ name }) => name);
  }

  function policyOf(
    objects: readonly KubernetesObject[],
    pod: PodTemplate,
  ): { ingress?: Rule[]; egress?: Rule[] } {
    return ofKind(objects, "NetworkPolicy").find(({ spec }) => matches(spec.podSelector, pod))?.spec;
  }

  const ingressOf = (objects: readonly KubernetesObject[], pod: PodTemplate) =>
    policyOf(objects, pod).ingress ?? [];
  const egressOf = (objects: readonly KubernetesObject[], pod: PodTemplate) =>
    policyOf(objects, pod).egress ?? [];
  const portsOf = (rule: Rule | undefined) => rule?.ports?.map(({ port }) => port) ?? [];
});

describe("KEDA's ScaledObject", () => {
  test("looks at the group and topic of the lanes, as they are named", async () => {
    const objects = await template(VARIANTS["Kafka with TLS and SCRAM"]);
    const [scaled] = ofKind(objects, "ScaledObject");
    const { requests } = topicsOf("accounts", { lanes: 24, prefix: "prod." });
    expect(scaled?.spec.triggers[0].metadata).toMatchObject({
      topic: requests.name,
      consumerGroup: groupOf("accounts", "prod."),
      tls: "enable",
      sasl: "scram_sha512",
    });
    const [authentication] = ofKind(objects, "TriggerAuthentication");
    expect(scaled?.spec.triggers[0].authenticationRef.name).toBe(authentication?.metadata.name);
    expect(authentication?.spec.secretTargetRef).toEqual([
      { parameter: "username", name: "kafka-user", key: "username" },
      { parameter: "password", name: "kafka-user", key: "password" },
      { parameter: "ca", name: "kafka-ca", key: "ca.crt" },
      { parameter: "cert", name: "kafka-client", key: "tls.crt" },
      { parameter: "key", name: "kafka-client", key: "tls.key" },
    ]);
  });

  test("scales the StatefulSet, which then does not say itself how many there are", async () => {
    const objects = await template(VARIANTS.KEDA);
    const [scaled] = ofKind(objects, "ScaledObject");
    const [statefulSet] = ofKind(objects, "StatefulSet");
    expect(scaled?.spec.scaleTargetRef).toEqual({
      apiVersion: statefulSet?.apiVersion,
      kind: statefulSet?.kind,
      name: statefulSet?.metadata.name,
    });
    expect(statefulSet?.spec.replicas).toBeUndefined();
  });
});

test("rules of the proxy are a file that the gateway reads", async () => {
  const objects = await template(VARIANTS["contracts and the proxy"]);
  const [rules] = ofKind(objects, "ConfigMap");
  const [gateway] = podTemplates(objects);
  expect(gateway?.spec.volumes).toContainEqual({ name: "proxy", configMap: { name: rules?.metadata.name } });
  const text = rules?.data["rules.yaml"];
  expect(parse(text)).toEqual([
    { match: { path: { prefix: "/a/" } }, service: "accounts", key: "header:x-account-id" },
  ]);
  const { proxyRules } = resolveGatewayOptions({ services: "accounts=3", proxyRules: text }, {});
  expect(proxyRules).toMatchObject({ rules: [{ key: { from: "header", name: "x-account-id" } }] });
});

test("StatefulSets are updated, ordered and numbered as the values say", async () => {
  const spec = async (variant: string) => ofKind(await template(VARIANTS[variant]), "StatefulSet")[0]?.spec;
  expect(await spec("defaults")).toMatchObject({ replicas: 3, podManagementPolicy: "Parallel" });
  expect(await spec("OnDelete")).toMatchObject({
    podManagementPolicy: "OrderedReady",
    updateStrategy: { type: "OnDelete" },
  });
  expect((await spec("OnDelete")).updateStrategy.rollingUpdate).toBeUndefined();
  expect((await spec("a canary")).updateStrategy).toEqual({
    type: "RollingUpdate",
    rollingUpdate: { partition: 2 },
  });
  const later = await spec("ordinals that begin at 5");
  expect(later).toMatchObject({ ordinals: { start: 5 } });
  expect(later.template.spec.containers[0].env).toContainEqual({
    name: "SHARDCAST_ORDINAL_START",
    value: "5",
  });
});
