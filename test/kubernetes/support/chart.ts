import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeEach, onTestFinished } from "vitest";
import { parseAllDocuments } from "yaml";
import { CHART, findHelm } from "../../../k8s/render.ts";

const run = promisify(execFile);
const helm = findHelm();
if (helm === undefined)
  console.warn(
    "NO HELM FOR THE TESTS: WHAT RENDERS k8s/chart IS SKIPPED. Put helm on the PATH, or HELM=/path/to/helm; " +
      "go install helm.sh/helm/v4/cmd/helm@latest builds it.",
  );

/** Values of the chart, or some of them. */
export type Values = Readonly<Record<string, unknown>>;

/** As it was rendered; whoever looks into it knows what it is. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: rendered objects have no types of ours
  readonly [field: string]: any;
}

/** Skips the tests of the file, and says why, where there is no Helm. Returns where it is. */
export function needsHelm(): () => string {
  beforeEach(({ skip }) => skip(helm === undefined, "no helm: neither HELM nor on the PATH"));
  return () => helm as string;
}

/**
 * The chart with these values, as YAML.
 *
 * @throws what Helm said
 */
export async function templateText(values: Values, namespace = "bank"): Promise<string> {
  const { stdout } = await run(helm as string, [
    ...["template", "shardcast", CHART, "--namespace", namespace],
    ...["--values", fileOf(values)],
  ]);
  return stdout;
}

/** The objects of the chart with these values. */
export async function template(values: Values = {}): Promise<readonly KubernetesObject[]> {
  const documents = parseAllDocuments(await templateText(values));
  return [...documents].map((document) => document.toJS()).filter((object) => object !== null);
}

/** What `helm lint --strict` says. */
export async function lint(values: Values): Promise<string> {
  return (await run(helm as string, ["lint", "--strict", CHART, "--values", fileOf(values)])).stdout;
}

/** Why the values are refused; undefined where they are not. */
export async function refusal(values: Values): Promise<string | undefined> {
  return templateText(values).then(
    () => undefined,
    (error: { stderr: string }) => error.stderr,
  );
}

function fileOf(values: Values): string {
  const folder = mkdtempSync(join(tmpdir(), "shardcast-values-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "values.yaml");
  writeFileSync(file, JSON.stringify(values));
  return file;
}
