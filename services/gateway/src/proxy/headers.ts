import { randomBytes } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { ShardcastError } from "@shardcast/protocol";

type Headers = Record<string, string | string[] | undefined>;

/** Those of one connection (RFC 9110, 7.6.1); what `Connection` names besides is dropped by the plugin. */
const HOP_BY_HOP = new Set([
  "connection",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const FROM_UPSTREAM = new Set([...HOP_BY_HOP].filter((name) => name !== "trailer"));
/** Ours to say: an owner goes by them. */
const OURS = [
  "shardcast-service",
  "shardcast-key",
  "shardcast-lane",
  "shardcast-member",
  "shardcast-fencing-token",
] as const;
/** Said by us, whatever a caller says. */
const SAID_ANEW = [
  "content-type",
  "forwarded",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
] as const;
/** Those of a caller that do not go on as they are. */
const FROM_CALLER: ReadonlySet<string> = new Set([...HOP_BY_HOP, ...OURS, ...SAID_ANEW]);
const PSEUDONYM = "shardcast-";
/** Gateways behind one another; more are a circle that does not come through the same process each time. */
const MOST_GATEWAYS = 5;
/** What may stand unquoted in `Forwarded` (RFC 7239). */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Makes the headers of proxied requests. */
export class RequestHeaders {
  /** This process in `Via`. */
  readonly #self = `${PSEUDONYM}${randomBytes(6).toString("hex")}`;
  readonly #trustedProxies: number;
  readonly #said = new WeakMap<
    Socket,
    { readonly host: string | undefined; readonly fields: readonly string[] }
  >();

  constructor(trustedProxies: number) {
    this.#trustedProxies = trustedProxies;
  }

  /** @throws {ShardcastError} SHARDCAST_PROXY_LOOP for what was proxied here before */
  assertNoLoop({ headers: { via } }: IncomingMessage): void {
    if (via === undefined || !via.includes(PSEUDONYM)) return;
    const hops = via.split(PSEUDONYM).length - 1;
    if (via.includes(this.#self) || hops >= MOST_GATEWAYS)
      throw new ShardcastError(
        "SHARDCAST_PROXY_LOOP",
        "Via: the request has come through this gateway already",
      );
  }

  /** The headers that go on, with what the owner is told: names and values by turns, as they are sent. */
  forward(
    raw: IncomingMessage,
    contentType: string | undefined,
    came: Headers,
    told: readonly string[],
  ): string[] {
    const flat: string[] = [];
    const trusted = this.#trustedProxies > 0;
    for (const name in came) {
      if (FROM_CALLER.has(name) || (name === "x-forwarded-port" && !trusted)) continue;
      const value = came[name];
      if (Array.isArray(value)) for (const each of value) flat.push(name, each);
      // The plugin's own Content-Length is a number.
      else if (value !== undefined) flat.push(name, `${value}`);
    }
    if (contentType !== undefined) flat.push("content-type", contentType);
    const { via } = raw.headers;
    const hop = `${raw.httpVersion} ${this.#self}`;
    flat.push("via", via === undefined ? hop : `${via}, ${hop}`);
    flat.push(...this.#forwarded(raw), ...told);
    return flat;
  }

  /** By whom, where and how we were asked: nearly always what the last request on the connection had. */
  #forwarded(raw: IncomingMessage): readonly string[] {
    if (this.#trustedProxies > 0) return forwarded(raw, true);
    const { socket, headers } = raw;
    const known = this.#said.get(socket);
    if (known !== undefined && known.host === headers.host) return known.fields;
    const fields = forwarded(raw, false);
    this.#said.set(socket, { host: headers.host, fields });
    return fields;
  }
}

/** What others say of it counts only behind proxies that can be believed. */
function forwarded({ socket, headers }: IncomingMessage, trusted: boolean): readonly string[] {
  const flat: string[] = [];
  const peer = socket.remoteAddress ?? "unknown";
  const { host } = headers;
  const believed = (name: string) => (trusted && headers[name]?.toString()) || undefined;
  const named = believed("x-forwarded-host") ?? host;
  if (named !== undefined) flat.push("x-forwarded-host", named);
  flat.push("x-forwarded-for", appended(believed("x-forwarded-for"), peer));
  flat.push("x-forwarded-proto", believed("x-forwarded-proto") ?? "http");
  const node = peer.includes(":") ? `"[${peer}]"` : peer;
  const at = host === undefined ? "" : `;host=${TOKEN.test(host) ? host : quoted(host)}`;
  flat.push("forwarded", appended(believed("forwarded"), `for=${node}${at};proto=http`));
  return flat;
}

function appended(before: string | undefined, own: string): string {
  return before === undefined ? own : `${before}, ${own}`;
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}

/** The headers of an answer that go on to the caller: names and values by turns. */
export function answerHeaders(headers: IncomingHttpHeaders): string[] {
  const { connection } = headers;
  const named = connection === undefined || connection === "keep-alive" ? undefined : namesIn(connection);
  const flat: string[] = [];
  for (const name in headers) {
    if (FROM_UPSTREAM.has(name) || named?.has(name)) continue;
    const value = headers[name];
    if (typeof value === "string") flat.push(name, value);
    else if (value !== undefined) for (const each of value) flat.push(name, each);
  }
  return flat;
}

function namesIn(connection: string): ReadonlySet<string> {
  return new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
}
