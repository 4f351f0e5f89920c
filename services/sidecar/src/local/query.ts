import { invalidRequest } from "./problems.ts";
import { secondsToMs } from "./words.ts";

/** What a query says, as the router gives it. */
export type Query = Readonly<Record<string, string | readonly string[]>>;

/** The parameters of a query. Throws SHARDCAST_INVALID_REQUEST that names one that is not known here, or is given twice. */
export function parametersOf<N extends string>(
  query: Query,
  known: readonly N[],
): Partial<Record<N, string>> {
  const found: Partial<Record<string, string>> = {};
  for (const [name, value] of Object.entries(query)) {
    if (!(known as readonly string[]).includes(name)) {
      throw invalidRequest(`${name}: is not known here; there are ${known.join(", ")}`);
    }
    if (typeof value !== "string") throw invalidRequest(`${name}: is given more than once`);
    found[name] = value;
  }
  return found as Partial<Record<N, string>>;
}

/** `?wait=SECONDS`, cut to the longest wait. Throws SHARDCAST_INVALID_REQUEST. */
export function waitOf(query: Query, maxTimeoutMs: number): { readonly waitMs?: number } {
  const { wait } = parametersOf(query, ["wait"]);
  if (wait === undefined || wait === "0") return {};
  return { waitMs: Math.min(secondsToMs(wait, "wait"), maxTimeoutMs) };
}
