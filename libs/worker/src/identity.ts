import { hostname } from "node:os";
import { ShardcastError } from "@shardcast/protocol";

/** Who a worker is. */
export interface Identity {
  /** The name progress and fencing go by: the ordinal, as text. */
  readonly member: string;
  readonly ordinal: number;
}

/**
 * The member's identity: option or environment (an ordinal, or a pod name that ends in one), else the pod's hostname,
 * `accounts-2` → 2.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG when none of them tells an ordinal
 */
export function resolveIdentity(configured: string | undefined, host: string = hostname()): Identity {
  const name = configured ?? host;
  const digits = /^(?:.+-)?([0-9]{1,9})$/.exec(name)?.[1];
  if (digits === undefined) {
    const where =
      configured === undefined ? `the hostname ${JSON.stringify(host)}` : JSON.stringify(configured);
    throw new ShardcastError(
      "SHARDCAST_INVALID_CONFIG",
      `worker: member (SHARDCAST_MEMBER): ${where} is neither an ordinal nor a pod name that ends in one, like accounts-2`,
    );
  }
  const ordinal = Number(digits);
  return { member: String(ordinal), ordinal };
}
