import type { HttpClient } from "@shardcast/http-client";
import type { BroadcastStatus } from "@shardcast/protocol";

/** Largest page that a gateway gives. */
const PAGE = 500;

/** The newest ones, from as many pages as it takes. */
export async function listBroadcasts(
  { broadcasts }: Pick<HttpClient, "broadcasts">,
  service: string,
  query: { readonly state?: "open" | "ended"; readonly handler?: string },
  limit: number,
): Promise<{ readonly items: readonly BroadcastStatus[]; readonly more: boolean }> {
  const items: BroadcastStatus[] = [];
  let after: string | undefined;
  do {
    const asked = { ...query, limit: Math.min(PAGE, limit - items.length) };
    const page = await broadcasts.list(service, after === undefined ? asked : { ...asked, after });
    items.push(...page.items);
    after = page.next;
  } while (after !== undefined && items.length < limit);
  return { items, more: after !== undefined };
}
