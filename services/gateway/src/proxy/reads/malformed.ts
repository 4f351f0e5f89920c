import { errors } from "undici";

/** What came is not the HTTP/1.1 that we take; with the code that undici gives to it. */
export function malformed(what: string): Error {
  return new errors.HTTPParserError(`Response does not match the HTTP/1.1 protocol (${what})`);
}
