import type { Random } from "@shardcast/infra-random";
import { BODY_LIMIT_BYTES, ECHO_SERVICE, NAMED_SERVICE } from "../target/settings.ts";

export const METHODS = ["POST", "POST", "POST", "GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD"];
const ODD_METHODS = ["PROPFIND", "M-SEARCH", "SOURCE", "post", "POS", "QUERY", "LINK", "PURGE", "", "\u0001"];
const HANDLERS = [
  ...["echo", "nothing", "slow", "refuse", "fail", "throw-nothing", "again", "json", "huge", "circular"],
  ...["headers", "empty", "partial", "unknown", "__proto__", "constructor", "toString", "a/b/c", ".."],
];
const WIDE = "aZ09-._~äßжש漢字🎉\u200d\u202e\u0301 '\"<>&;=+,:@!$()*[]{}|^`\\%#?/";

/** A shard key that the gateway must take. */
export function validKey(random: Random): string {
  return random.text(random.between(1, 1 + random.length(200)), WIDE);
}

export function validTarget(random: Random): string {
  const handler = random.pick(["", "/echo", "/slow"]);
  return `/v1/${ECHO_SERVICE}/keys/${encodeURIComponent(validKey(random))}${handler}`;
}

/** Anything that can stand where a path stands, from right to absurd. */
export function anyTarget(random: Random): string {
  const service = random.pick([
    ECHO_SERVICE,
    ECHO_SERVICE,
    NAMED_SERVICE,
    "other",
    "",
    "%00",
    "A",
    "..",
    "fuzz%2F",
  ]);
  const keyed = `/v1/${service}/keys/${anySegment(random)}`;
  switch (random.between(0, 9)) {
    case 0:
      return random.pick([
        "/healthz",
        "/readyz",
        "/healthz/",
        "//healthz",
        "/readyz?x",
        "/metrics",
        "/",
        "*",
        "",
      ]);
    case 1:
      return `${keyed}/${anySegment(random)}/${anySegment(random)}?${anySegment(random)}`;
    case 2:
      return `http://${anySegment(random)}${keyed}`;
    case 3:
      return `/${random.list(0, 8, () => anySegment(random)).join("/")}`;
    case 4:
      return keyed;
    default:
      return `${keyed}/${random.pick(HANDLERS)}`;
  }
}

function anySegment(random: Random): string {
  switch (random.between(0, 7)) {
    case 0:
      return random.pick([
        "",
        ".",
        "..",
        "%2e%2e",
        "%2F",
        "%5c",
        "%00",
        "%",
        "%f",
        "%zz",
        "%c0%af",
        "%ff",
        "%E2%28%A1",
      ]);
    case 1:
      return "k".repeat(random.length(20_000));
    case 2:
      return "%F0%9F%8E%89".repeat(random.length(400));
    case 3:
      return random
        .bytes(random.between(1, 12))
        .toString("latin1")
        .replaceAll(/[\r\n ]/g, "_");
    case 4:
      return random.text(random.between(1, 10), "%0123456789abcdefg");
    default:
      return encodeURIComponent(validKey(random));
  }
}

const ODD_VALUES = [
  "",
  " ",
  "\t",
  '"',
  "0",
  "-1",
  "1e9",
  "NaN",
  "9".repeat(400),
  ",",
  ";",
  "\u00ff",
  "=",
  "a\tb",
];
const SECONDS = [
  "1",
  "0.001",
  "0.5",
  "2.5",
  "1000000",
  "999999999.999999999",
  "0",
  "-1",
  "1s",
  "０",
  "1,2",
  "",
];
const PREFERENCES = [
  "wait=1",
  "wait=0",
  'wait="1"',
  "wait",
  "respond-async",
  "return=minimal",
  "wait=1;x=y",
  'a="',
  ",",
];
const TYPES = [
  "text/plain",
  "application/json",
  "application/json; charset=utf-7",
  "x",
  "a/b/c",
  "multipart/form-data",
  ";",
];

/** Header lines that may be sent along; some of them forbidden. */
export function anyHeaders(random: Random): string[] {
  return random.list(0, 6, () => {
    switch (random.between(0, 11)) {
      case 0:
        return `Prefer: ${random.list(1, 4, () => random.pick([...PREFERENCES, ...ODD_VALUES])).join(random.pick([",", ", ", ";"]))}`;
      case 1:
        return `Request-Timeout: ${random.pick([...SECONDS, ...ODD_VALUES])}`;
      case 2:
        return `Content-Type: ${random.pick([...TYPES, ...ODD_VALUES])}`;
      case 3:
        return `Idempotency-Key: ${random.pick(ODD_VALUES)}`;
      case 4:
        return `Expect: ${random.pick(["100-continue", "200-ok", ...ODD_VALUES])}`;
      case 5:
        return `Connection: ${random.pick(["close", "keep-alive", "upgrade", "close, keep-alive", ...ODD_VALUES])}`;
      case 6:
        return `Upgrade: ${random.pick(["websocket", "h2c", ...ODD_VALUES])}`;
      case 7:
        return `X-Forwarded: ${random
          .bytes(random.between(0, 60))
          .toString("latin1")
          .replaceAll(/[\r\n\0]/g, "")}`;
      case 8:
        return `X-Long-${random.between(0, 9)}: ${"v".repeat(random.length(20_000))}`;
      case 9:
        return `traceparent: ${random.pick(["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", ...ODD_VALUES])}`;
      case 10:
        return random.pick([
          ...["Host: a", "Host:", "Cookie: a=b", "Set-Cookie: a", "__proto__: x", "constructor: y", ": x"],
          ...[
            "X",
            "X : y",
            " folded: z",
            "X\u00e9: y",
            "X: a\u0000b",
            "Accept: */*",
            "Accept-Encoding: gzip",
          ],
          ...["Accept-Version: 1.x", "X-HTTP-Method-Override: GET", "Range: bytes=0-0", "If-None-Match: *"],
        ]);
      default:
        return `${random.text(random.between(1, 8), "abcXYZ-_!#$%&'*+.^`|~0189")}: ${random.pick(ODD_VALUES)}`;
    }
  });
}

export function anyMethod(random: Random): string {
  return random.chance(0.9) ? random.pick(METHODS) : random.pick(ODD_METHODS);
}

/** Body bytes; sizes around the limits more often than chance would. */
export function anyBody(random: Random): Buffer {
  if (random.chance(0.06)) return Buffer.alloc(BODY_LIMIT_BYTES + random.between(-2, 2), "b");
  if (random.chance(0.03)) return Buffer.alloc(random.between(BODY_LIMIT_BYTES, BODY_LIMIT_BYTES * 4), "c");
  return random.bytes(random.length(3_000));
}

/** A body with what announces it, mostly rightly. */
export function anyFraming(random: Random, body: Buffer): { lines: string[]; bytes: Buffer } {
  switch (random.between(0, 9)) {
    case 0:
      return { lines: ["Transfer-Encoding: chunked"], bytes: chunked(random, body) };
    case 1:
      return { lines: ["Transfer-Encoding: chunked"], bytes: random.mutate(chunked(random, body), 3) };
    case 2:
      return { lines: [`Content-Length: ${random.pick(ODD_VALUES)}`], bytes: body };
    case 3:
      return { lines: [`Content-Length: ${body.length + random.between(-2, 2)}`], bytes: body };
    case 4:
      return {
        lines: [
          `Content-Length: ${body.length}`,
          random.pick(["Transfer-Encoding: chunked", "Content-Length: 3"]),
        ],
        bytes: body,
      };
    case 5:
      return {
        lines: [`Transfer-Encoding: ${random.pick(["gzip", "identity", "chunked, x", "x, chunked"])}`],
        bytes: body,
      };
    default:
      return { lines: [`Content-Length: ${body.length}`], bytes: body };
  }
}

/** The body cut into chunks, with extensions and trailers now and then. */
export function chunked(random: Random, body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const part = body.subarray(at, at + random.between(1, Math.max(1, body.length)));
    const extension = random.chance(0.1) ? ";a=b" : "";
    parts.push(Buffer.from(`${part.length.toString(16)}${extension}\r\n`), part, Buffer.from("\r\n"));
    at += part.length;
  }
  parts.push(Buffer.from(random.chance(0.1) ? "0\r\nx-trailer: 1\r\n\r\n" : "0\r\n\r\n"));
  return Buffer.concat(parts);
}

export function render(
  method: string,
  target: string,
  lines: readonly string[],
  body: Buffer,
  version = "1.1",
): Buffer {
  const head = [`${method} ${target} HTTP/${version}`, ...lines, "", ""].join("\r\n");
  return Buffer.concat([Buffer.from(head, "latin1"), body]);
}
