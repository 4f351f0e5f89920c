import { type ErrorCode, ShardcastError } from "@shardcast/protocol/errors";
import type { ShardKey } from "./options.ts";

/** Whoever reads a URL takes these for steps, also when they are percent-encoded. */
const STEPS = new Set([".", ".."]);

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Where a key's requests go. Throws SHARDCAST_INVALID_KEY, SHARDCAST_INVALID_REQUEST. */
export function keyPath(service: string, key: ShardKey, handler = ""): string {
  const path = `${servicePath(service)}/keys/${segment("key", textOf(key), "SHARDCAST_INVALID_KEY")}`;
  return handler === "" ? path : `${path}/${handler.split("/").map(handlerSegment).join("/")}`;
}

/** Where a recorded request is asked for. Throws SHARDCAST_UNKNOWN_REQUEST, SHARDCAST_INVALID_REQUEST. */
export function requestPath(service: string, id: string): string {
  return `${servicePath(service)}/requests/${segment("id", id, "SHARDCAST_UNKNOWN_REQUEST")}`;
}

/** Where a service's members are told something. Throws SHARDCAST_INVALID_REQUEST. */
export function broadcastsPath(service: string): string {
  return `${servicePath(service)}/broadcasts`;
}

/** Where a broadcast is asked for. Throws SHARDCAST_UNKNOWN_BROADCAST, SHARDCAST_INVALID_REQUEST. */
export function broadcastPath(service: string, id: string): string {
  return `${broadcastsPath(service)}/${segment("id", id, "SHARDCAST_UNKNOWN_BROADCAST")}`;
}

/** Where who has a key is followed. Throws as {@link keyPath}. */
export function ownerEventsPath(service: string, key: ShardKey): string {
  return `${keyPath(service, key)}/events`;
}

export function shardsPath(service: string): string {
  return `${servicePath(service)}/shards`;
}

function servicePath(service: string): string {
  return `/v1/${segment("service", service, "SHARDCAST_INVALID_REQUEST")}`;
}

function handlerSegment(text: string): string {
  return text === "" ? "" : segment("handler", text, "SHARDCAST_INVALID_REQUEST");
}

function segment(name: string, text: string, code: ErrorCode): string {
  if (text === "") throw new ShardcastError(code, `${name}: must not be empty`);
  if (STEPS.has(text)) throw new ShardcastError(code, `${name}: '.' and '..' can not be in a URL`);
  return encodeURIComponent(text.toWellFormed());
}

function textOf(key: ShardKey): string {
  if (typeof key === "string") return key;
  try {
    return utf8.decode(key);
  } catch (cause) {
    throw new ShardcastError("SHARDCAST_INVALID_KEY", "key: over HTTP it must be UTF-8", { cause });
  }
}
