import { ShardcastError } from "./error.ts";

/** Longest shard key, in bytes. */
export const MAX_KEY_BYTES = 4096;
/** Longest handler name, in characters. */
export const MAX_HANDLER_LENGTH = 255;

const SERVICE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/; // a DNS label, as Kubernetes names services
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what is refused
const HANDLER = /^[^\u0000-\u001f\u007f]*$/;

export function isServiceName(value: string): boolean {
  return SERVICE.test(value);
}

export function isHandlerName(value: string): boolean {
  return value.length <= MAX_HANDLER_LENGTH && HANDLER.test(value);
}

/** Throws SHARDCAST_INVALID_REQUEST unless `service` is a DNS label. */
export function assertServiceName(service: string): void {
  if (!isServiceName(service)) {
    throw new ShardcastError(
      "SHARDCAST_INVALID_REQUEST",
      "service: must be a DNS label (lower-case letters, digits and '-', at most 63 characters)",
    );
  }
}

/** Throws SHARDCAST_INVALID_REQUEST unless `handler` is a name the protocol carries. */
export function assertHandlerName(handler: string): void {
  if (!isHandlerName(handler)) {
    throw new ShardcastError(
      "SHARDCAST_INVALID_REQUEST",
      `handler: at most ${MAX_HANDLER_LENGTH} characters, none of them a control character`,
    );
  }
}

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/; // an RFC 9110 token in lower case

/** Throws SHARDCAST_INVALID_REQUEST naming the header that can not travel with a request. */
export function assertUserHeaders(headers: Readonly<Record<string, unknown>>): void {
  for (const name in headers) {
    if (!HEADER_NAME.test(name) || typeof headers[name] !== "string") {
      throw new ShardcastError(
        "SHARDCAST_INVALID_REQUEST",
        `headers: ${JSON.stringify(name)} must be a lower-case header name with a text value`,
      );
    }
  }
}

/** Throws SHARDCAST_INVALID_KEY when the key is longer than {@link MAX_KEY_BYTES}. */
export function assertKeyLength(key: Uint8Array): void {
  if (key.byteLength > MAX_KEY_BYTES) {
    throw new ShardcastError(
      "SHARDCAST_INVALID_KEY",
      `key: at most ${MAX_KEY_BYTES} bytes, got ${key.byteLength}`,
    );
  }
}
