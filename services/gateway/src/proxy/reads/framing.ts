import type { IncomingHttpHeaders } from "node:http";
import type { ResponseHead } from "./head.ts";
import { malformed } from "./malformed.ts";

/** How the end of a body is found (RFC 9112, 6.3). */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "sized"; readonly bytes: number }
  | { readonly kind: "chunked" }
  /** By the end of the connection. */
  | { readonly kind: "until-close" };

const NONE: Framing = { kind: "none" };
const CHUNKED: Framing = { kind: "chunked" };
const UNTIL_CLOSE: Framing = { kind: "until-close" };
const SIZE = /^\d{1,15}$/;

/**
 * How the body of an answer comes. Where two fields could be read in two ways, there is no answer.
 *
 * @throws {Error} HTTPParserError
 */
export function framingOf({ status, minor, headers }: ResponseHead, method: string): Framing {
  const { "transfer-encoding": encoding, "content-length": length } = headers;
  if (encoding !== undefined) {
    if (length !== undefined) throw malformed("both Transfer-Encoding and Content-Length");
    // Other codings would have to be taken off, or said again; nobody uses them.
    if (encoding.toLowerCase?.() !== "chunked" || minor === 0) throw malformed("Transfer-Encoding");
  }
  // Two of them come as a list.
  if (length !== undefined && !(typeof length === "string" && SIZE.test(length)))
    throw malformed("Content-Length");
  if (method === "HEAD" || status === 204 || status === 304) return NONE;
  if (encoding !== undefined) return CHUNKED;
  if (length === undefined) return UNTIL_CLOSE;
  const bytes = Number(length);
  return bytes === 0 ? NONE : { kind: "sized", bytes };
}

/** Whether the connection may be asked again after the answer (RFC 9112, 9.3). */
export function isKeptAlive({ status, minor, headers }: ResponseHead, framing: Framing): boolean {
  if (framing.kind === "until-close") return false;
  const { connection, "content-length": length = "0", "transfer-encoding": encoding } = headers;
  // Who says so of an answer that has no body may send one all the same.
  if (status === 204 && (length !== "0" || encoding !== undefined)) return false;
  if (connection === undefined) return minor === 1;
  if (connection === "keep-alive") return true;
  const named = `${connection}`
    .toLowerCase()
    .split(",")
    .map((each) => each.trim());
  if (named.includes("close")) return false;
  return minor === 1 || named.includes("keep-alive");
}

const TIMEOUT = /(?:^|[,\s])timeout=(\d{1,6})(?:$|[,\s])/i;

/** How long the other side says that it keeps a connection without requests; undefined where it does not. */
export function keptForMs({ "keep-alive": hint }: IncomingHttpHeaders): number | undefined {
  if (hint === undefined) return undefined;
  const [, seconds] = TIMEOUT.exec(`${hint}`) ?? [];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}
