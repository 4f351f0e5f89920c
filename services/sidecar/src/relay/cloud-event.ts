import { isUtf8 } from "node:buffer";
import { attributeEncoded } from "./attribute-encoded.ts";

/** What is told as an event. */
export interface Told {
  readonly id: string;
  readonly service: string;
  readonly handler: string;
  /** Where there is one. */
  readonly key?: Uint8Array;
  /** Type of what names no handler. */
  readonly type: string;
}

/**
 * The headers `ce-…` of a message in CloudEvents' binary mode. What its sender has said as an event comes after these and wins: it
 * is that event. A key that is no text is left to `shardcast-key`.
 */
export function eventHeaders({ id, service, handler, key, type }: Told): Record<string, string> {
  const headers: Record<string, string> = {
    "ce-specversion": "1.0",
    "ce-id": attributeEncoded(id),
    "ce-source": `/v1/${service}`,
    "ce-type": attributeEncoded(handler === "" ? type : handler),
  };
  if (key === undefined || !isUtf8(key)) return headers;
  const text = attributeEncoded(Buffer.from(key).toString("utf8"));
  return { ...headers, "ce-subject": text, "ce-partitionkey": text };
}
