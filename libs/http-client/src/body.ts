import { ShardcastError } from "@shardcast/protocol/errors";
import type { Body } from "./options.ts";

const utf8 = new TextEncoder();

/** The bytes of a body and the content type they have by themselves. Throws SHARDCAST_INVALID_REQUEST. */
export function encodeBody(body: Body): { readonly bytes: Uint8Array; readonly contentType?: string } {
  if (body === undefined) return { bytes: new Uint8Array() };
  if (body instanceof Uint8Array) return { bytes: body };
  if (typeof body === "string") return { bytes: utf8.encode(body) };
  return { bytes: utf8.encode(jsonText(body)), contentType: "application/json" };
}

function jsonText(value: unknown): string {
  let cause: unknown;
  try {
    const text: string | undefined = JSON.stringify(value);
    if (text !== undefined) return text;
  } catch (error) {
    cause = error;
  }
  throw new ShardcastError("SHARDCAST_INVALID_REQUEST", "body: can not be written as JSON", { cause });
}
