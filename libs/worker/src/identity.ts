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
 * `accounts-2` → 2. Members are numbered from 0 on, whatever their StatefulSet's ordinals begin at.
 *
 * @param ordinalStart what the StatefulSet's ordinals begin at, its `spec.ordinals.start`
 * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG when none of them tells an ordinal, or one below the start
 */
export function resolveIdentity(
  configured: string | undefined,
  ordinalStart = 0,
  host: string = hostname(),
): Identity {
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
  const ordinal = Number(digits) - ordinalStart;
  if (ordinal < 0) {
    throw new ShardcastError(
      "SHARDCAST_INVALID_CONFIG",
      `worker: member (SHARDCAST_MEMBER): ${JSON.stringify(name)} is below the first ordinal, ${ordinalStart} (SHARDCAST_ORDINAL_START)`,
    );
  }
  return { member: String(ordinal), ordinal };
}
