import { asBuffer } from "@shardcast/protocol";

const BRAND = Symbol.for("shardcast.handler-reply");
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/; // RFC 9110 token
// biome-ignore lint/suspicious/noControlCharactersInRegex: what RFC 9110 does not allow in a field value
const BAD_VALUE = /[\u0000-\u0008\u000a-\u001f\u007f]|[^\u0000-\u00ff]/;
const NO_CONTENT = 204;
const EMPTY = Buffer.alloc(0);

/** A handler's answer in full. Made by {@link reply}. */
export interface HandlerReply {
  readonly [BRAND]: true;
  readonly status: number;
  readonly contentType?: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Nothing becomes 204; text and bytes go as they are; a {@link HandlerReply} says everything; the rest is JSON. */
export type HandlerResult =
  | HandlerReply
  | Uint8Array
  | string
  | object
  | number
  | boolean
  | null
  | undefined
  // biome-ignore lint/suspicious/noConfusingVoidType: so that a handler may return nothing
  | void;

export interface ReplyInit {
  /** 200 to 599. Default 200, or 204 without a body. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default by the body: text, bytes or JSON. */
  readonly contentType?: string;
  readonly body?: Uint8Array | string | object | number | boolean | null;
}

/** An answer with a status and headers of its own. @throws {RangeError} for what HTTP could not carry */
export function reply({ status, headers = {}, contentType, body }: ReplyInit): HandlerReply {
  const encoded = encode(body);
  const code = status ?? (body === undefined ? NO_CONTENT : 200);
  if (!Number.isInteger(code) || code < 200 || code > 599)
    throw new RangeError(`status must be 200 to 599, got ${code}`);
  const lower: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!HEADER_NAME.test(name)) throw new RangeError(`not a header name: ${JSON.stringify(name)}`);
    if (typeof value !== "string" || BAD_VALUE.test(value))
      throw new RangeError(`header ${name} has a value that HTTP can not carry`);
    lower[name.toLowerCase()] = value;
  }
  const type = contentType ?? encoded.contentType;
  if (type !== undefined && BAD_VALUE.test(type))
    throw new RangeError("contentType: a value that HTTP can not carry");
  return {
    [BRAND]: true,
    status: code,
    headers: lower,
    body: encoded.bytes,
    ...(type === undefined ? {} : { contentType: type }),
  };
}

/** The reply that a handler's result stands for. */
export function toReply(result: HandlerResult): HandlerReply {
  if (typeof result === "object" && result !== null && BRAND in result) return result as HandlerReply;
  return reply(result === undefined ? {} : { body: result as NonNullable<ReplyInit["body"]> | null });
}

function encode(body: ReplyInit["body"]): { readonly bytes: Buffer; readonly contentType?: string } {
  if (body === undefined) return { bytes: EMPTY };
  if (typeof body === "string") return { bytes: Buffer.from(body), contentType: "text/plain; charset=utf-8" };
  if (body instanceof Uint8Array) return { bytes: asBuffer(body), contentType: "application/octet-stream" };
  const json: string | undefined = JSON.stringify(body);
  if (json === undefined) throw new TypeError(`a ${typeof body} can not be written as JSON`);
  return { bytes: Buffer.from(json), contentType: "application/json" };
}
