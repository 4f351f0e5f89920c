import { asBuffer, ShardcastError } from "@shardcast/protocol";
import type { Body } from "./options.ts";

export const JSON_TYPE = "application/json";

/** The bytes of a body and the content type they have by themselves. */
export function encodeBody(body: Body): { readonly bytes: Buffer; readonly contentType?: string } {
  if (body === undefined) return { bytes: Buffer.alloc(0) };
  if (body instanceof Uint8Array) return { bytes: asBuffer(body) };
  if (typeof body === "string") return { bytes: Buffer.from(body) };
  try {
    return { bytes: Buffer.from(JSON.stringify(body)), contentType: JSON_TYPE };
  } catch (cause) {
    throw new ShardcastError("SHARDCAST_INVALID_REQUEST", "body: can not be written as JSON", { cause });
  }
}
