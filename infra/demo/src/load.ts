import type { Call } from "./call.ts";
import { namesOn } from "./names.ts";
import { REPLICAS } from "./replica.ts";

/** A call that deposits. */
export interface Deposit extends Call {
  readonly handler: "deposit";
  readonly body: { readonly cents: number };
}

export function deposit(key: string, cents: number): Deposit {
  return { key, handler: "deposit", body: { cents } };
}

/** Deposits of different amounts, in turn to each of the accounts. */
export function deposits(keys: readonly string[], count: number): Deposit[] {
  return Array.from({ length: count }, (_, i) => deposit(keys[i % keys.length] as string, 1_000 + 7 * i));
}

/** Two accounts on each lane; those with another suffix are others. */
export function accountsOnAllLanes(suffix: string): string[] {
  return Array.from({ length: REPLICAS }, (_, lane) => namesOn(lane, 2, suffix)).flat();
}

export function sumOf(made: readonly Deposit[]): number {
  return made.reduce((sum, { body }) => sum + body.cents, 0);
}
