import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Pod, Projection, Volume } from "../../api/pod.ts";
import { filesOf, type Sources, writeFiles } from "./projected.ts";

export interface VolumeSources extends Sources {
  /** The directory of a claim that is bound. */
  claimed(claim: string): Promise<string>;
}

/** Volume to directory of this machine. Throws, saying what is missing. */
export async function prepareVolumes(
  pod: Pod,
  directory: string,
  sources: VolumeSources,
): Promise<Map<string, string>> {
  const directories = new Map<string, string>();
  for (const volume of pod.spec.volumes ?? []) {
    directories.set(volume.name, await prepared(volume, join(directory, volume.name), sources));
  }
  return directories;
}

async function prepared(volume: Volume, directory: string, sources: VolumeSources): Promise<string> {
  const { hostPath, persistentVolumeClaim, emptyDir } = volume;
  if (hostPath !== undefined) {
    if (hostPath.type === "DirectoryOrCreate") await mkdir(hostPath.path, { recursive: true });
    return hostPath.path;
  }
  if (persistentVolumeClaim !== undefined) return sources.claimed(persistentVolumeClaim.claimName);
  if (emptyDir !== undefined) {
    await mkdir(directory, { recursive: true });
    return directory;
  }
  const projections = projectionsOf(volume);
  if (projections.length === 0) throw new Error(`volume ${volume.name} is of a kind that is not known here`);
  for (const projection of projections) await writeFiles(directory, await filesOf(projection, sources));
  return directory;
}

function projectionsOf(volume: Volume): readonly Projection[] {
  const { projected, configMap, secret, downwardAPI } = volume;
  if (projected !== undefined) return projected.sources ?? [];
  return configMap === undefined && secret === undefined && downwardAPI === undefined ? [] : [volume];
}
