import { errors } from "undici";

/** What came is not the HTTP/1.1 that we take: undici's error for it. */
export function malformed(what: string): Error {
  return new errors.HTTPParserError(`Response does not match the HTTP/1.1 protocol (${what})`);
}
