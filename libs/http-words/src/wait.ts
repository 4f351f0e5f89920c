import { invalidRequest } from "./invalid-request.ts";
import { secondsToMs } from "./seconds.ts";

/**
 * Milliseconds of the parameter `wait`, cut to the longest wait; undefined for who does not want to wait.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST
 */
export function waitOf(
  wait: string | readonly string[] | undefined,
  maxTimeoutMs: number,
): number | undefined {
  if (wait === undefined || wait === "0") return undefined;
  if (typeof wait !== "string") throw invalidRequest("wait: is given more than once");
  return Math.min(secondsToMs(wait, "wait"), maxTimeoutMs);
}
