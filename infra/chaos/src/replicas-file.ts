import { renameSync, writeFileSync } from "node:fs";

/** Says how many replicas are wanted. Whole at any time: the gateways read it whenever they like. */
export function writeReplicas(path: string, service: string, replicas: number): void {
  writeFileSync(`${path}.new`, JSON.stringify({ [service]: replicas }));
  renameSync(`${path}.new`, path);
}
