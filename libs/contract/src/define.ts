import { ShardcastError } from "@shardcast/protocol/errors";
import type { Contract, ServiceDefinition } from "./contract.ts";
import { definitionFaults } from "./faults.ts";

/**
 * The contract of a service: for its worker (`implement`), its callers (`typed`) and its documents (`openApi` and `asyncApi` of
 * `@shardcast/contract/documents`). Put it where both sides can import it.
 *
 * @param service a DNS label
 * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG that lists every fault, also as `extensions.faults`
 */
export function defineService<D extends ServiceDefinition>(service: string, definition: D): Contract<D> {
  const faults = definitionFaults(service, definition);
  if (faults.length > 0) {
    throw new ShardcastError("SHARDCAST_INVALID_CONFIG", `contract ${service}: ${faults.join("; ")}`, {
      extensions: { faults },
    });
  }
  return Object.freeze({ ...definition, service });
}
