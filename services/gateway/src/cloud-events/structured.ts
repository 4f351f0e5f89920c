import { invalidRequest } from "@shardcast/http-words";
import { type CloudEvent, eventOf } from "./event.ts";
import { isJson, mediaTypeOf } from "./media-types.ts";

export const STRUCTURED = "application/cloudevents+json";
const DEFAULT_TYPE = "application/json";
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** An event with its data, which is what the handler gets as the body. */
export interface StructuredEvent {
  readonly event: CloudEvent;
  readonly body: Buffer | undefined;
  readonly contentType: string | undefined;
}

export function isStructured(contentType: string | undefined): boolean {
  return contentType !== undefined && mediaTypeOf(contentType) === STRUCTURED;
}

/**
 * The event in a JSON body (CloudEvents' JSON format). JSON data is written anew: the same value, not the same bytes.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST that names the member
 */
export function structuredEvent(body: Uint8Array): StructuredEvent {
  const { data, data_base64, datacontenttype, ...rest } = membersOf(body);
  const attributes = new Map<string, string>();
  for (const [name, value] of Object.entries(rest)) {
    // An attribute that is null is one that is not there.
    if (value !== null) attributes.set(name, textOf(value, name));
  }
  const event = eventOf(attributes, (attribute) => attribute);
  const given = datacontenttype ?? undefined;
  const base64 = data_base64 ?? undefined;
  if (given !== undefined && typeof given !== "string") throw invalidRequest("datacontenttype: must be text");
  if (base64 !== undefined) {
    if (data !== undefined) throw invalidRequest("data_base64: can not be there together with data");
    if (typeof base64 !== "string" || !BASE64.test(base64))
      throw invalidRequest("data_base64: is not base64");
    return { event, body: Buffer.from(base64, "base64"), contentType: given };
  }
  if (data === undefined) return { event, body: undefined, contentType: given };
  const contentType = given ?? DEFAULT_TYPE;
  const isText = typeof data === "string" && !isJson(contentType);
  return { event, body: Buffer.from(isText ? data : JSON.stringify(data)), contentType };
}

function membersOf(body: Uint8Array): Record<string, unknown> {
  let event: unknown;
  try {
    event = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw invalidRequest("the body is not the JSON of a CloudEvent");
  }
  if (typeof event === "object" && event !== null && !Array.isArray(event)) return { ...event };
  throw invalidRequest("the body is not a CloudEvent but another JSON value");
}

function textOf(value: unknown, name: string): string {
  if (typeof value === "string" || typeof value === "boolean") return String(value);
  if (Number.isSafeInteger(value)) return String(value);
  throw invalidRequest(`${name}: an attribute is text, a whole number, or true or false`);
}
