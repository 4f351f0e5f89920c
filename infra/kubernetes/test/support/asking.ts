import { expect } from "vitest";
import type { Pod } from "../../src/api/pod.ts";
import type { Testbed } from "../../src/index.ts";

const POLL = { timeout: 60_000, interval: 100 };

/** The pods of what is called so, in the order of their names. */
export async function podsOf(bed: Testbed, name: string): Promise<Pod[]> {
  const out = await bed.kubectl("get", "pods", "-l", `app=${name}`, "-o", "json");
  const { items } = JSON.parse(out) as { items: Pod[] };
  return items.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

export async function podOf(bed: Testbed, name: string): Promise<Pod> {
  return JSON.parse(await bed.kubectl("get", "pod", name, "-o", "json")) as Pod;
}

/** Waits until a pod is as expected, and returns it. */
export async function eventually(bed: Testbed, name: string, like: object): Promise<Pod> {
  let last: Pod | undefined;
  const look = async () => {
    last = await podOf(bed, name);
    return last;
  };
  await expect.poll(look, POLL).toMatchObject(like);
  return last as Pod;
}

export function isReady({ status }: Pod): boolean {
  return status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
}

export async function ready(bed: Testbed, name: string): Promise<Pod> {
  await bed.kubectl("wait", "--for=condition=Ready", `pod/${name}`, "--timeout=60s");
  return podOf(bed, name);
}

/** Asks the app in a pod, or behind a Service. */
export async function ask<T = unknown>(host: string, path: string): Promise<T> {
  const response = await fetch(`http://${host}${path}`, { headers: { connection: "close" } });
  return (await response.json()) as T;
}

export async function envOf({ status }: Pod): Promise<Record<string, string>> {
  return (await ask<{ env: Record<string, string> }>(`${status?.podIP}:8080`, "/env")).env;
}

/** The address of a Service. */
export function addressOf(bed: Testbed, name: string): Promise<string> {
  return bed.kubectl("get", "service", name, "-o", "jsonpath={.spec.clusterIP}");
}
