import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Api } from "./api/api.ts";
import { ApiError } from "./api/api-error.ts";
import { follow } from "./api/follow.ts";
import type { PersistentVolumeClaim } from "./api/objects.ts";

/** Makes a directory and a PersistentVolume for each claim that has none; the controller manager binds them, and the scheduler waits for that. Until the signal fires. */
export async function provisionVolumes(api: Api, directory: string, signal: AbortSignal): Promise<void> {
  const changed = (claim: PersistentVolumeClaim) => void provide(api, claim, directory, signal);
  await follow<PersistentVolumeClaim>({
    ...{ api, path: "/api/v1/persistentvolumeclaims", signal, changed, removed: () => {} },
    listed: (claims) => {
      for (const claim of claims) changed(claim);
    },
  });
}

async function provide(
  api: Api,
  claim: PersistentVolumeClaim,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  const { metadata, spec, status } = claim;
  if (status?.phase === "Bound" || (spec.volumeName ?? "") !== "") return;
  const { name, namespace = "", uid } = metadata;
  // The same claim made anew after its deletion gets a directory of its own.
  const path = join(directory, namespace, `${name}-${uid}`);
  const volume = {
    ...{ apiVersion: "v1", kind: "PersistentVolume", metadata: { name: `pv-${uid}` } },
    spec: {
      capacity: { storage: spec.resources?.requests?.storage ?? "1Gi" },
      accessModes: spec.accessModes ?? ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Retain",
      ...(spec.storageClassName === undefined ? {} : { storageClassName: spec.storageClassName }),
      claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid },
      hostPath: { path },
    },
  };
  try {
    await mkdir(path, { recursive: true });
    await api.insist("/api/v1/persistentvolumes", { method: "POST", body: volume, signal });
  } catch (error) {
    const isThere = error instanceof ApiError && error.status === 409;
    if (!isThere && !signal.aborted) console.error(`no volume for ${namespace}/${name}:`, error);
  }
}
