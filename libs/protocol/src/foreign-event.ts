import { isHandlerName } from "./names.ts";
import { headerText, type IncomingRecord } from "./record.ts";
import type { UserHeaders } from "./user-headers.ts";

/** Of a CloudEvent's attributes on Kafka, in binary mode (its Kafka protocol binding, 3.2.3). */
const ATTRIBUTE = /^ce_[a-z0-9]+$/;

/**
 * What a stranger's record says as a CloudEvent: its attributes as headers `ce-…`, as over HTTP, and its type as the handler
 * where that is one's name; a worker without a handler of this name takes its default one. Of any other record, nothing.
 */
export function readForeignEvent(headers: IncomingRecord["headers"]): {
  readonly handler: string;
  readonly headers: UserHeaders;
} {
  const attributes: Record<string, string> = {};
  for (const name in headers) {
    const value = ATTRIBUTE.test(name) ? headerText(headers, name) : undefined;
    if (value !== undefined) attributes[`ce-${name.slice(3)}`] = value;
  }
  const type = attributes["ce-type"] ?? "";
  return { handler: isHandlerName(type) ? type : "", headers: attributes };
}
