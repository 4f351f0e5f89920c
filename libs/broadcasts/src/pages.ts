import type { BroadcastPage, BroadcastQuery } from "./broadcasts.ts";
import { invalid } from "./errors.ts";
import type { KnownBroadcast } from "./known-broadcasts.ts";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
const FORM = /^1:([0-9]{1,16})$/;

/** A page of broadcasts, given in the order of the log. Throws SHARDCAST_INVALID_REQUEST. */
export function pageOf(known: Iterable<KnownBroadcast>, query: BroadcastQuery): BroadcastPage {
  const { state, handler, limit = DEFAULT_LIMIT, after } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw invalid(`limit: 1 to ${MAX_LIMIT}, got ${limit}`);
  }
  if (state !== undefined && state !== "open" && state !== "ended") throw invalid("state: open or ended");
  const before = after === undefined ? Number.POSITIVE_INFINITY : decode(after);
  const found: KnownBroadcast[] = [];
  for (const each of [...known].reverse()) {
    if (each.offset >= before) continue;
    if (handler !== undefined && each.state.terms.handler !== handler) continue;
    if (state !== undefined && each.state.open !== (state === "open")) continue;
    found.push(each);
    if (found.length > limit) break;
  }
  const shown = found.slice(0, limit);
  const last = found.length > limit ? shown.at(-1) : undefined;
  const items = shown.map((each) => each.state.status);
  return last === undefined ? { items } : { items, next: encode(last.offset) };
}

function encode(offset: number): string {
  return Buffer.from(`1:${offset}`).toString("base64url");
}

function decode(text: string): number {
  const [, offset] = FORM.exec(Buffer.from(text, "base64url").toString("latin1")) ?? [];
  if (offset === undefined || encode(Number(offset)) !== text) {
    throw invalid("after: not one that was given out");
  }
  return Number(offset);
}
