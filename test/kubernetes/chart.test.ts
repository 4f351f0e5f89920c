import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { CHART, renderManifests, renderReadme } from "../../k8s/render.ts";
import { lint, needsHelm, refusal, template, type Values } from "./support/chart.ts";
import { VARIANTS } from "./support/variants.ts";

const helm = needsHelm();
const text = (path: string) => readFileSync(join(dirname(CHART), path), "utf8");

describe.each(Object.entries(VARIANTS))("the chart: %s", (_, values) => {
  test("passes Helm's own checks, strictly", async () => {
    expect(await lint(values)).toContain("0 chart(s) failed");
  });

  test("has no two objects of one name", async () => {
    const names = (await template(values)).map(
      ({ kind, metadata }) => `${kind} ${metadata.namespace ?? ""}/${metadata.name}`,
    );
    expect(names).toEqual([...new Set(names)]);
  });
});

const job = { enabled: true, data: { configMap: "rates" } };
const services = [{ name: "orders", lanes: 2, replicas: 3 }];
const oauth = { mechanism: "oauthbearer", secret: { name: "token" } };

const REFUSED: [what: string, values: Values, message: RegExp][] = [
  ["a value that is none", { gateway: { replica: 3 } }, /'\/gateway'.*'replica'/],
  ["a number that is none", { workers: { lanes: "many" } }, /'\/workers\/lanes'/],
  ["no lanes", { workers: { lanes: 0 } }, /'\/workers\/lanes'/],
  ["no brokers", { kafka: { brokers: [] } }, /'\/kafka\/brokers'/],
  ["a broker without a port", { kafka: { brokers: ["kafka"] } }, /'\/kafka\/brokers\/0'/],
  ["an unknown mechanism", { kafka: { sasl: { mechanism: "gssapi" } } }, /'\/kafka\/sasl\/mechanism'/],
  [
    "an unknown strategy",
    { workers: { updateStrategy: { type: "Recreate" } } },
    /'\/workers\/updateStrategy/,
  ],
  ["an unknown policy", { workers: { podManagementPolicy: "Serial" } }, /'\/workers\/podManagementPolicy'/],
  ["a container without limits", { gateway: { resources: { limits: { memory: null } } } }, /'memory'/],
  ["a service that is no DNS label", { workers: { service: "My_Accounts" } }, /'\/workers\/service'/],
  ["more replicas than lanes", { workers: { lanes: 2 } }, /workers\.replicas \(3\).*workers\.lanes \(2\)/],
  [
    "a first map of more replicas than lanes",
    { workers: { initialReplicas: 25 } },
    /workers\.initialReplicas \(25\) is more than workers\.lanes \(24\)/,
  ],
  ["others with more replicas than lanes", { gateway: { services } }, /gateway\.services: orders has more/],
  [
    "a service twice",
    { gateway: { services: [{ name: "accounts", lanes: 24, replicas: 3 }] } },
    /gateway\.services: accounts is the service of workers/,
  ],
  ["nothing to serve", { workers: { enabled: false } }, /gateway\.services is required/],
  ["a mechanism alone", { kafka: { sasl: { mechanism: "plain" } } }, /kafka\.sasl\.secret\.name is required/],
  [
    "a sidecar alone",
    { workers: { kind: "sidecar" } },
    /workers\.application\.image\.repository is required/,
  ],
  ["the example without a folder", { workers: { data: { kind: "none" } } }, /workers\.data\.kind none/],
  [
    "KEDA beyond the lanes",
    { keda: { enabled: true, maxReplicas: 25 } },
    /keda\.maxReplicas \(25\) is more than workers\.lanes \(24\)/,
  ],
  ["KEDA the wrong way round", { keda: { enabled: true, minReplicas: 13 } }, /keda\.minReplicas \(13\)/],
  ["KEDA down to nobody", { keda: { minReplicas: 0 } }, /'\/keda\/minReplicas'/],
  [
    "KEDA with tokens of ours",
    { kafka: { sasl: oauth }, keda: { enabled: true } },
    /keda\.authenticationRef/,
  ],
  ["an autoscaler the wrong way round", { gateway: { autoscaling: { minReplicas: 11 } } }, /minReplicas/],
  ["contracts without files", { gateway: { contracts: { configMap: "x" } } }, /gateway\.contracts\.files/],
  ["half of what is sent", { notify: { job } }, /notify\.job\.data: configMap and key go together/],
];

test.each(REFUSED)("the chart refuses %s, and names the value", async (_, values, message) => {
  expect(await refusal(values)).toMatch(message);
});

test("the schema lets nothing pass that it does not know", () => {
  const open: string[] = [];
  const visit = (schema: unknown, path: string) => {
    if (typeof schema !== "object" || schema === null) return;
    const { properties, additionalProperties } = schema as Record<string, unknown>;
    if (typeof properties === "object" && path !== "/properties" && additionalProperties !== false)
      open.push(path);
    for (const [name, each] of Object.entries(schema)) visit(each, `${path}/${name}`);
  };
  visit(JSON.parse(text("chart/values.schema.json")), "");
  expect(open).toEqual([]);
});

test("the plain manifests are those of the chart (npm run manifests)", () => {
  for (const [file, rendered] of Object.entries(renderManifests(helm())))
    expect(text(file), file).toBe(rendered);
});

test("each value has a comment, and its place in the chart's README (npm run manifests)", () => {
  expect(text("chart/README.md")).toBe(renderReadme());
});
