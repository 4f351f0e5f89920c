import { ShardcastError } from "@shardcast/protocol";
import type { FastifyRequest } from "fastify";
import { singleHeader } from "../single-header.ts";
import { clientAddress } from "./client-address.ts";
import { cookieOf } from "./cookie.ts";
import { atPointer } from "./json-pointer.ts";
import { type KeySource, sourceText } from "./key-source.ts";

/** The parts of a request that a key may be in. */
export interface KeyPlaces {
  readonly request: FastifyRequest;
  /** Segments of the path after `/requests/`; of all the path for a rule. */
  readonly segments: readonly string[];
  readonly body: Buffer | undefined;
  /** How many proxies in front of us are believed. Default none. */
  readonly trustedProxies?: number;
}

const BEARER = /^Bearer +[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]*$/i;

/**
 * The key that is there, undefined where none is.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_KEY that names the source, for what is there but is no key;
 *   SHARDCAST_INVALID_REQUEST for a header that is there twice
 */
export function findKey(source: KeySource, places: KeyPlaces): string | undefined {
  const found = valueAt(source, places);
  if (found === undefined || found === null || found === "") return undefined;
  // What UTF-8 can not say, and numbers that were rounded when they were read: several of them would be one key.
  if (typeof found === "string" && found.isWellFormed()) return found;
  if (Number.isSafeInteger(found)) return String(found);
  throw new ShardcastError(
    "SHARDCAST_INVALID_KEY",
    `key: ${sourceText(source)}: must be one text or whole number`,
  );
}

function valueAt(source: KeySource, { request, segments, body, trustedProxies = 0 }: KeyPlaces): unknown {
  switch (source.from) {
    case "header":
      return singleHeader(request.raw, source.name);
    case "path":
      return segments[source.segment - 1];
    case "query":
      return (request.query as Readonly<Record<string, unknown>>)[source.name];
    case "json":
      return atPointer(jsonOf(body), source.pointer);
    case "jwt": {
      const [, claims] = BEARER.exec(singleHeader(request.raw, "authorization") ?? "") ?? [];
      const decoded = claims === undefined ? undefined : jsonOf(Buffer.from(claims, "base64url"));
      return atPointer(decoded, `/${source.claim.replaceAll("~", "~0").replaceAll("/", "~1")}`);
    }
    case "cookie":
      return cookieOf(request.raw.headers.cookie, source.name);
    case "client":
      return clientAddress(request.raw, trustedProxies);
  }
}

/** Undefined for what is no JSON: no key is in it. */
function jsonOf(bytes: Buffer | undefined): unknown {
  if (bytes === undefined || bytes.byteLength === 0) return undefined;
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
