import { z } from "zod";
import type { IncomingRecord, WireRecord } from "./record.ts";
import { readVersion, VERSION_HEADER, VERSION_VALUE } from "./version.ts";

const FENCE_HEADER = "sc-fence";
const tokensByLane = z.record(z.string().regex(/^(0|[1-9][0-9]{0,14})$/), z.number().int().min(0));

/**
 * A mark on every partition of `S.replies`: what follows it and carries a fencing token at or below the given one is from
 * an owner that lost the lane, and is dropped (C4). It lies where the replies lie, so whatever a lost owner wrote
 * while it was still the owner comes before it and counts.
 */
export interface ReplyFence {
  /** Highest token that is over, by lane. */
  readonly tokens: ReadonlyMap<number, number>;
}

export function encodeReplyFence({ tokens }: ReplyFence): WireRecord {
  return {
    key: null,
    value: Buffer.from(JSON.stringify(Object.fromEntries(tokens))),
    headers: { [VERSION_HEADER]: VERSION_VALUE, [FENCE_HEADER]: "1" },
  };
}

/** The mark in a record, undefined when it is none; never throws, whatever the bytes. Cheap for what is no mark. */
export function decodeReplyFence({ headers, value }: IncomingRecord): ReplyFence | undefined {
  if (!Object.hasOwn(headers, FENCE_HEADER) || value === null || readVersion(headers).kind !== "ours") {
    return undefined;
  }
  try {
    const { data } = tokensByLane.safeParse(JSON.parse(value.toString("utf8")));
    if (data === undefined) return undefined;
    return { tokens: new Map(Object.entries(data).map(([lane, token]) => [Number(lane), token])) };
  } catch {
    return undefined;
  }
}
