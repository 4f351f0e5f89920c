import { isUtf8 } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http";
import type { Reply } from "@shardcast/client";
import { acceptsByName } from "../accepts.ts";
import type { CloudEvent } from "./event.ts";
import { isJson } from "./media-types.ts";
import { STRUCTURED } from "./structured.ts";

/** What a reply is told as, when its caller wants an event. */
export interface ReplyEvent {
  readonly type: string;
  readonly source: string;
}

/** Undefined unless who sent an event accepts one: by name, since what accepts anything takes the answer as it is. */
export function replyEventOf(
  service: string,
  event: CloudEvent | undefined,
  { accept }: IncomingHttpHeaders,
): ReplyEvent | undefined {
  if (event === undefined || !acceptsByName(accept, STRUCTURED)) return undefined;
  return { type: `${event.type}.reply`, source: `/v1/${service}` };
}

/** The reply as a structured event, where it is JSON; otherwise, or when it is an event already, as it was. */
export function asEvent(reply: Reply, { type, source }: ReplyEvent): Reply {
  const { id, contentType, body } = reply;
  if (contentType === undefined || !isJson(contentType) || "ce-specversion" in reply.headers) return reply;
  if (contentType === STRUCTURED) return reply;
  const data = jsonOf(body);
  if (data === undefined) return reply;
  const attributes = { specversion: "1.0", id, source, type, datacontenttype: contentType };
  // The data as the handler wrote it: parsed and written again, a large number would be another one.
  const text = `${JSON.stringify(attributes).slice(0, -1)},"data":${data}}`;
  return { ...reply, contentType: STRUCTURED, body: Buffer.from(text) };
}

function jsonOf(body: Buffer): string | undefined {
  if (!isUtf8(body)) return undefined;
  const text = body.toString();
  try {
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}
