import type { ContainerSpec, EnvSource, EnvVariable, Pod } from "../../api/pod.ts";
import { expand } from "./expand.ts";
import { fieldValue, type PodPlace, resourceValue } from "./fields.ts";

/** What a ConfigMap or a Secret has in it, as text; undefined if there is none of that name. */
export type DataOf = (
  kind: "configmaps" | "secrets",
  name: string,
) => Promise<ReadonlyMap<string, Buffer> | undefined>;

export interface EnvFacts {
  readonly pod: Pod;
  readonly container: ContainerSpec;
  readonly place: PodPlace;
  /** Of the namespace's Services; a container's own variables override them, and can refer to them. */
  readonly services: Readonly<Record<string, string>>;
  readonly dataOf: DataOf;
}

/** The container's variables as Kubernetes makes them. Throws, saying what is missing, where it would not start the container. */
export async function containerEnv(facts: EnvFacts): Promise<Record<string, string>> {
  const { container, services } = facts;
  const result: Record<string, string> = {};
  for (const source of container.envFrom ?? []) Object.assign(result, await sourced(source, facts.dataOf));
  for (const variable of container.env ?? []) {
    const value = await resolved(variable, facts, (name) => result[name] ?? services[name]);
    if (value !== undefined) result[variable.name] = value;
  }
  return { ...services, ...result };
}

async function sourced(source: EnvSource, dataOf: DataOf): Promise<Record<string, string>> {
  const { prefix = "", configMapRef, secretRef } = source;
  const [kind, reference] =
    configMapRef === undefined ? (["secrets", secretRef] as const) : (["configmaps", configMapRef] as const);
  if (reference === undefined) return {};
  const data = await dataOf(kind, reference.name);
  if (data === undefined && reference.optional !== true)
    throw new Error(`${kind} ${reference.name} not found`);
  return Object.fromEntries([...(data ?? [])].map(([key, value]) => [`${prefix}${key}`, value.toString()]));
}

async function resolved(
  { name, value = "", valueFrom }: EnvVariable,
  { pod, container, place, dataOf }: EnvFacts,
  known: (name: string) => string | undefined,
): Promise<string | undefined> {
  if (valueFrom === undefined) return expand(value, known);
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = valueFrom;
  if (fieldRef !== undefined) return fieldValue(pod, place, fieldRef.fieldPath);
  if (resourceFieldRef !== undefined) {
    const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
    return resourceValue(all, container.name, place, resourceFieldRef);
  }
  const [kind, reference] =
    configMapKeyRef === undefined
      ? (["secrets", secretKeyRef] as const)
      : (["configmaps", configMapKeyRef] as const);
  if (reference === undefined) throw new Error(`env ${name}: its source is not known`);
  const found = (await dataOf(kind, reference.name))?.get(reference.key);
  if (found === undefined && reference.optional !== true) {
    throw new Error(`env ${name}: no key ${reference.key} in ${kind} ${reference.name}`);
  }
  return found?.toString();
}
