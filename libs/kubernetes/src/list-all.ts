import { textOf } from "./lines.ts";
import { parseList, type Resource } from "./resource.ts";

/** Objects a page: 250 pods are 1 to 5 MB of JSON, and only one page is in memory at a time. */
const PAGE = "250";

export interface Listed<T> {
  /** What to watch from. */
  readonly version: string;
  /** By name. */
  readonly items: Map<string, T>;
}

/**
 * Asks page after page, and keeps what `trim` leaves of each object.
 *
 * @throws {ApiFault} 410: the list is older than the API server remembers, and must begin anew
 * @throws {Error} what is no list
 */
export async function listAll<Raw extends Resource, T>(
  ask: (page: Readonly<Record<string, string>>) => Promise<AsyncIterable<Uint8Array>>,
  trim: (object: Raw) => T,
): Promise<Listed<T>> {
  const items = new Map<string, T>();
  // The first page's. All pages are of that moment; were one later, the watch would tell what it has as well once more,
  // while from a later version it would pass over what changed in the first pages.
  let version: string | undefined;
  let token: string | undefined;
  do {
    const text = await textOf(
      await ask({ limit: PAGE, ...(token === undefined ? {} : { continue: token }) }),
    );
    const page = parseList<Raw>(text);
    for (const object of page.items) items.set(object.metadata.name, trim(object));
    version ??= page.version;
    token = page.continueToken;
  } while (token !== undefined);
  return { version, items };
}
