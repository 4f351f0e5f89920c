/**
 * Writes what follows from the chart: the plain manifests, and the table of values in the chart's README.
 *   npm run manifests            HELM=/path/to/helm where it is not found
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isCollection, isMap, isScalar, parseDocument, type YAMLMap } from "yaml";

const FOLDER = dirname(fileURLToPath(import.meta.url));
export const CHART = join(FOLDER, "chart");
const VALUES = join(FOLDER, "manifests-values.yaml");
const README = join(CHART, "README.md");
const TABLE = /(?<=<!-- values -->\n)[\s\S]*(?=<!-- \/values -->)/;

/** Which template each file is rendered from, and with what. Those in `optional` are not applied with the others. */
const FILES = {
  "manifests/gateway.yaml": ["gateway"],
  "manifests/gateway-rbac.yaml": ["gateway-rbac"],
  "manifests/accounts.yaml": ["workers"],
  "manifests/network-policies.yaml": ["networkpolicies"],
  "manifests/optional/cronjob-notify.yaml": ["notify-cronjob"],
  "manifests/optional/job-notify.yaml": ["notify-job"],
  // By itself: where KEDA says how many replicas there are, the StatefulSet does not.
  "manifests/optional/keda.yaml": ["keda", "--set=keda.enabled=true"],
};

/** Labels of Helm's own, which would be wrong for what it did not install. */
const HELMS_OWN = /^ *(helm\.sh\/chart|app\.kubernetes\.io\/managed-by): .*\n/gm;
const HEAD = "# Rendered from k8s/chart by `npm run manifests`; not to be edited.\n";

/** Where Helm is: `HELM`, on the PATH, or where `go install` puts it. */
export function findHelm(): string | undefined {
  const { HELM, PATH = "", GOBIN, GOPATH = join(homedir(), "go") } = process.env;
  const folders = [...PATH.split(delimiter), ...(GOBIN ? [GOBIN] : []), join(GOPATH, "bin")];
  return [...(HELM ? [HELM] : []), ...folders.map((folder) => join(folder, "helm"))].find(existsSync);
}

/** The plain manifests by their paths below `k8s/`. */
export function renderManifests(helm: string): Record<string, string> {
  const rendered = Object.entries(FILES).map(([file, [template, ...more]]) => {
    const show = ["--show-only", `templates/${template}.yaml`, ...more];
    const args = ["template", "shardcast", CHART, "--namespace", "default", "--values", VALUES, ...show];
    const text = execFileSync(helm, args, { encoding: "utf8" });
    const documents = text.replace(/^# Source: .*\n/gm, "").replace(HELMS_OWN, "");
    return [file, HEAD + documents.replace(/\n{2,}/g, "\n")];
  });
  return Object.fromEntries(rendered);
}

/** The chart's README with the table that its values.yaml gives. */
export function renderReadme(): string {
  const rows = rowsOf(readFileSync(join(CHART, "values.yaml"), "utf8"));
  const lines = rows.map(({ path, value, comment }) => `| \`${path}\` | \`${value}\` | ${comment} |`);
  const table = ["| value | default | what |", "|---|---|---|", ...lines, ""].join("\n");
  return readFileSync(README, "utf8").replace(TABLE, () => table);
}

interface Row {
  readonly path: string;
  /** As JSON. */
  readonly value: string;
  readonly comment: string;
}

/** Each value that has a comment is one row, and what lies in it as well. */
function rowsOf(values: string): Row[] {
  // The head of the file is about the file.
  const root = parseDocument(values).contents as YAMLMap;
  const rows: Row[] = [];
  const visit = (map: YAMLMap, prefix: string) => {
    for (const [index, { key, value }] of map.items.entries()) {
      if (!isScalar(key)) throw new Error(`${prefix}: a key that is none`);
      const path = `${prefix}${key.value}`;
      // The parser gives what stands before a map's first key to the map.
      const comment = (key.commentBefore ?? (index === 0 ? map.commentBefore : undefined))?.trim();
      if (comment === undefined && isMap(value)) visit(value, `${path}.`);
      else if (comment === undefined) throw new Error(`values.yaml: ${path} has no comment`);
      else rows.push({ path, value: JSON.stringify(isCollection(value) ? value.toJSON() : value), comment });
    }
  };
  visit(root, "");
  return rows;
}

if (import.meta.main) {
  const helm = findHelm();
  if (helm === undefined)
    throw new Error("no helm: neither HELM, nor on the PATH, nor in $(go env GOPATH)/bin");
  for (const [file, text] of Object.entries(renderManifests(helm))) {
    const path = join(FOLDER, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  writeFileSync(README, renderReadme());
}
