import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Contract, defineService } from "@shardcast/contract";
import { isShardcastError, ShardcastError } from "@shardcast/protocol";
import { Contracts } from "./contracts.ts";

/**
 * The contracts themselves, and those that modules export; what else a module exports is left alone.
 *
 * @param given contracts, and paths of modules from the working directory
 * @param services which are served; a contract of another one would check nothing
 * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG with all faults
 */
export async function loadContracts(
  given: readonly (Contract | string)[],
  services: readonly string[],
): Promise<Contracts> {
  const faults: string[] = [];
  const found: Contract[] = [];
  for (const each of given) {
    const candidates = typeof each === "string" ? await exportsOf(each, faults) : [each];
    for (const candidate of candidates) {
      const contract = checked(candidate, faults);
      if (contract !== undefined) found.push(contract);
    }
  }
  const seen = new Set<string>();
  for (const { service } of found) {
    if (!services.includes(service))
      faults.push(`contract ${service}: this gateway does not serve ${service}`);
    if (seen.has(service)) faults.push(`contract ${service}: there are two`);
    seen.add(service);
  }
  if (faults.length === 0) return new Contracts(found);
  throw new ShardcastError(
    "SHARDCAST_INVALID_CONFIG",
    `gateway: contracts (SHARDCAST_CONTRACTS): ${faults.join("; ")}`,
    { extensions: { faults } },
  );
}

/** What looks like a contract: an object with the name of a service and handlers. */
export function looksLikeContract(value: unknown): value is Contract {
  if (typeof value !== "object" || value === null) return false;
  const { service, handlers } = value as Partial<Contract>;
  return typeof service === "string" && typeof handlers === "object" && handlers !== null;
}

async function exportsOf(path: string, faults: string[]): Promise<readonly Contract[]> {
  try {
    const module = (await import(pathToFileURL(resolve(path)).href)) as Readonly<Record<string, unknown>>;
    // One of them may have two names.
    const contracts = [...new Set(Object.values(module))].filter(looksLikeContract);
    if (contracts.length === 0) faults.push(`${path}: exports no contract`);
    return contracts;
  } catch (error) {
    faults.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
}

/** Whoever made it: the module may have another version of `defineService`, or none. */
function checked({ service, ...definition }: Contract, faults: string[]): Contract | undefined {
  try {
    return defineService(service, definition);
  } catch (error) {
    if (!isShardcastError(error)) throw error;
    faults.push(error.message);
    return undefined;
  }
}
