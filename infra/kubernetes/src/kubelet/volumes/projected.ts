import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { KeyToPath, Pod, Projection } from "../../api/pod.ts";
import type { DataOf } from "../env/container-env.ts";
import { fieldValue, type PodPlace, resourceValue } from "../env/fields.ts";

export interface Sources {
  readonly pod: Pod;
  readonly place: PodPlace;
  readonly dataOf: DataOf;
  /** A token of the pod's service account. */
  tokenFor(audience: string | undefined): Promise<string>;
}

/** The files of a projection, by their paths in the volume. Throws, saying what is missing. */
export async function filesOf(projection: Projection, sources: Sources): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const { configMap, secret, downwardAPI, serviceAccountToken } = projection;
  const keyed = [
    ["configmaps", configMap?.name, configMap],
    ["secrets", secret?.secretName ?? secret?.name, secret],
  ] as const;
  for (const [kind, name, source] of keyed) {
    if (source === undefined || name === undefined) continue;
    const data = await sources.dataOf(kind, name);
    if (data === undefined && source.optional !== true) throw new Error(`${kind} ${name} not found`);
    for (const [path, content] of selected(data ?? new Map(), source.items)) files.set(path, content);
  }
  const { pod, place } = sources;
  for (const { path, fieldRef, resourceFieldRef } of downwardAPI?.items ?? []) {
    const value =
      fieldRef === undefined
        ? resourceFieldRef && resourceValue(pod.spec.containers, "", place, resourceFieldRef)
        : fieldValue(pod, place, fieldRef.fieldPath);
    files.set(path, Buffer.from(value ?? ""));
  }
  if (serviceAccountToken !== undefined) {
    const { path, audience } = serviceAccountToken;
    files.set(path, Buffer.from(await sources.tokenFor(audience)));
  }
  return files;
}

function* selected(
  data: ReadonlyMap<string, Buffer>,
  items: readonly KeyToPath[] | undefined,
): Generator<[string, Buffer]> {
  if (items === undefined) yield* data;
  for (const { key, path } of items ?? []) {
    const content = data.get(key);
    if (content === undefined) throw new Error(`no key ${key}`);
    yield [path, content];
  }
}

/** Each file is there whole or not at all; one that is as it should be is left alone. */
export async function writeFiles(directory: string, files: ReadonlyMap<string, Buffer>): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const [path, content] of files) {
    const target = join(directory, path);
    const present = await readFile(target).catch(() => undefined);
    if (present?.equals(content)) continue;
    await mkdir(dirname(target), { recursive: true });
    await writeFile(`${target}.new`, content, { mode: 0o600 });
    await rename(`${target}.new`, target);
  }
}
