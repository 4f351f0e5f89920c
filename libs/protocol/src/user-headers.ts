import { headerText, type IncomingRecord } from "./record.ts";

/** Headers of a caller's request or of a handler's reply: lower-case names, one value each. */
export type UserHeaders = Readonly<Record<string, string>>;

const PREFIX = "http-";

/** Writes each header as `http-<name>`, so that they can not be taken for ours. */
export function encodeUserHeaders(from: UserHeaders, into: Record<string, Uint8Array | string>): void {
  for (const name in from) into[PREFIX + name] = from[name] as string;
}

export function decodeUserHeaders(headers: IncomingRecord["headers"]): UserHeaders {
  let found: Record<string, string> | undefined;
  for (const name in headers) {
    if (!name.startsWith(PREFIX) || name.length === PREFIX.length) continue;
    const value = headerText(headers, name);
    if (value === undefined) continue;
    found ??= Object.create(null) as Record<string, string>;
    found[name.slice(PREFIX.length)] = value;
  }
  return found ?? NONE;
}

const NONE: UserHeaders = Object.freeze({});
