import { ShardcastError } from "@shardcast/protocol";

/** `.` and `..`, plain or encoded, between borders that some servers take for borders: a slash, plain or encoded, or a backslash. */
const DOTS = /(?:^|\/|%2f|\\|%5c)(?:\.|%2e){1,2}(?:$|\/|%2f|\\|%5c)/i;
/** Encoded: what would end a line, or the path for who reads it as C does. */
const CONTROL = /%(?:0[0-9a-f]|1[0-9a-f]|7f)/i;

/**
 * The path of a request that is to be proxied, without its query.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST for what somebody behind us could read otherwise than we do
 */
export function pathOf(url: string): string {
  // Only who takes us for an open proxy names a host there.
  if (!url.startsWith("/"))
    throw refused("the request's target must be a path: this is no proxy for other hosts");
  const query = url.indexOf("?");
  const path = query === -1 ? url : url.slice(0, query);
  if (url.includes("#")) throw refused("path: must not have a fragment");
  if (path.includes(".") || path.includes("%")) {
    if (DOTS.test(path)) throw refused("path: must not have segments . or ..");
    if (CONTROL.test(path)) throw refused("path: must not have encoded control characters");
  }
  if (path.includes("\\")) throw refused("path: must not have a backslash");
  return path;
}

/** What follows the first segments of a path, with its slash; "" where nothing does. */
export function after(path: string, segments: number): string {
  let at = 0;
  for (let left = segments; left > 0 && at !== -1; left--) at = path.indexOf("/", at + 1);
  return at === -1 ? "" : path.slice(at);
}

function refused(detail: string): ShardcastError {
  return new ShardcastError("SHARDCAST_INVALID_REQUEST", detail);
}
