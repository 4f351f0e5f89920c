import type { IncomingHttpHeaders } from "node:http";
import { malformed } from "./malformed.ts";

/** The head of an answer (RFC 9112, 4 and 5). */
export interface ResponseHead {
  readonly status: number;
  /** Of HTTP/1.0 or 1.1. */
  readonly minor: number;
  readonly headers: IncomingHttpHeaders;
}

/** What no head may have: controls other than tab, and a CR or LF without the other. */
const FORBIDDEN = /[^\t\r\n\x20-\x7e\x80-\xff]|\r(?!\n)|(?<!\r)\n/;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/;
/** Different spellings of names; more are somebody's play. */
const MOST_NAMES = 1_000;
const SPACE = 0x20;
const TAB = 0x09;

/** Names as they were sent, looked at once, in lower case. */
const names = new Map<string, string>();

/** Fields by name. Without a prototype, whose properties are names of fields as well, and in the shape that engines are quick with. */
class Fields {
  [name: string]: string | string[];
}
Object.setPrototypeOf(Fields.prototype, null);
delete (Fields.prototype as Partial<{ constructor: unknown }>).constructor;

/**
 * Reads a head, without the empty line after it.
 *
 * @throws {Error} HTTPParserError for what is not one: stricter than RFC 9112 where who is lenient reads something else than the next
 */
export function parseHead(text: string): ResponseHead {
  if (FORBIDDEN.test(text)) throw malformed("control characters in its head");
  const end = text.indexOf("\r\n");
  const line = STATUS_LINE.exec(end === -1 ? text : text.slice(0, end));
  if (line === null) throw malformed("no status line");
  const headers = end === -1 ? new Fields() : fieldsOf(text, end + 2);
  return { status: Number(line[2]), minor: Number(line[1]), headers };
}

/**
 * Reads the fields that follow an answer in chunks.
 *
 * @throws {Error} HTTPParserError
 */
export function parseTrailers(text: string): IncomingHttpHeaders {
  if (FORBIDDEN.test(text)) throw malformed("control characters in its trailers");
  const trailers = fieldsOf(text, 0);
  // Too late to say how the body came, but not to mislead who gets them (RFC 9110, 6.5.1).
  if ("content-length" in trailers || "transfer-encoding" in trailers)
    throw malformed("framing in its trailers");
  return trailers;
}

function fieldsOf(text: string, from: number): IncomingHttpHeaders {
  const fields = new Fields();
  for (let at = from; at < text.length; ) {
    const next = text.indexOf("\r\n", at);
    const end = next === -1 ? text.length : next;
    const colon = text.indexOf(":", at);
    if (colon === -1 || colon > end) throw malformed("a field without a colon");
    // A folded line begins with a blank, which is in no name.
    const name = nameOf(text.slice(at, colon));
    let first = colon + 1;
    let last = end;
    while (first < last && isBlank(text.charCodeAt(first))) first++;
    while (last > first && isBlank(text.charCodeAt(last - 1))) last--;
    add(fields, name, text.slice(first, last));
    at = end + 2;
  }
  return fields as IncomingHttpHeaders;
}

function add(fields: Fields, name: string, value: string): void {
  const before = fields[name];
  if (before === undefined) fields[name] = value;
  else if (typeof before === "string") fields[name] = [before, value];
  else before.push(value);
}

function nameOf(sent: string): string {
  const known = names.get(sent);
  if (known !== undefined) return known;
  if (!TOKEN.test(sent)) throw malformed("the name of a field is no token");
  if (names.size >= MOST_NAMES) names.clear();
  const name = sent.toLowerCase();
  names.set(sent, name);
  return name;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}
