import type { ContainerSpec, Pod, ResourceField } from "../../api/pod.ts";

/** What the downward API tells that is not in the pod's spec. */
export interface PodPlace {
  readonly podIP: string;
  readonly hostIP: string;
  readonly allocatable: Readonly<Record<string, string>>;
}

const KEYED = /^metadata\.(labels|annotations)\['(.+)'\]$/;

/** The value of a `fieldRef`. Throws for a field that the downward API does not have. */
export function fieldValue({ metadata, spec }: Pod, place: PodPlace, path: string): string {
  const keyed = KEYED.exec(path);
  if (keyed !== null) return metadata[keyed[1] as "labels" | "annotations"]?.[keyed[2] ?? ""] ?? "";
  switch (path) {
    case "metadata.name":
      return metadata.name;
    case "metadata.namespace":
      return metadata.namespace ?? "";
    case "metadata.uid":
      return metadata.uid;
    case "metadata.labels":
      return linesOf(metadata.labels);
    case "metadata.annotations":
      return linesOf(metadata.annotations);
    case "spec.nodeName":
      return spec.nodeName ?? "";
    case "spec.serviceAccountName":
      return spec.serviceAccountName ?? "";
    case "status.podIP":
    case "status.podIPs":
      return place.podIP;
    case "status.hostIP":
    case "status.hostIPs":
      return place.hostIP;
    default:
      throw new Error(`fieldRef ${path} is not known`);
  }
}

/** The value of a `resourceFieldRef`: rounded up to whole divisors; a limit that is not set is what the node has. */
export function resourceValue(
  containers: readonly ContainerSpec[],
  own: string,
  place: PodPlace,
  field: ResourceField,
): string {
  const container = containers.find(({ name }) => name === (field.containerName ?? own));
  const [kind = "", ...rest] = field.resource.split(".");
  const resource = rest.join(".");
  if (container === undefined || (kind !== "limits" && kind !== "requests")) {
    throw new Error(`resourceFieldRef ${field.resource} is not known`);
  }
  const given = container.resources?.[kind]?.[resource];
  const text = given ?? (kind === "limits" ? place.allocatable[resource] : undefined) ?? "0";
  return String(Math.ceil(quantity(text) / (quantity(field.divisor ?? "1") || 1)));
}

const SUFFIXES: Readonly<Record<string, number>> = {
  ...{ "": 1, n: 1e-9, u: 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50 },
};

function quantity(text: string): number {
  const [, number = "0", suffix = ""] = /^([\d.]+(?:e\d+)?)(\D*)$/i.exec(text) ?? [];
  return Number(number) * (SUFFIXES[suffix] ?? Number.NaN);
}

function linesOf(map: Readonly<Record<string, string>> = {}): string {
  return Object.entries(map)
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join("\n");
}
