import { invalidRequest } from "./invalid-request.ts";

/** What a query says, as the router gives it. */
export type Query = Readonly<Record<string, string | readonly string[]>>;

/**
 * The parameters of a query, by name.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST that names one that is not known here, or is given more than once
 */
export function parametersOf<N extends string>(
  query: Query,
  known: readonly N[],
): Readonly<Partial<Record<N, string>>> {
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
