import type { IncomingHttpHeaders } from "node:http";
import { type Dispatcher, errors } from "undici";

/** Where a request does not say others; milliseconds, 0 is without end. */
export interface Timeouts {
  readonly headersTimeout: number;
  readonly bodyTimeout: number;
}

/** What carries a call: it, and nothing else at the time. */
export interface Carrier {
  pause(): void;
  resume(): void;
  destroy(error: Error): void;
}

/** What of a request's head would be another line, or none of HTTP (RFC 9110, 5.5). */
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Different names of headers; more are somebody's play. */
const MOST_NAMES = 1_000;
/** Names that were looked at. */
const tokens = new Set<string>();
const PATH = /^\/[\x21-\xff]*$/;

/** One request on its way, as undici has it. */
export class Call implements Dispatcher.DispatchController {
  readonly method: string;
  /** All that is sent. */
  readonly text: string;
  readonly headersTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly handler: Dispatcher.DispatchHandler;
  readonly rawHeaders: IncomingHttpHeaders | null = null;
  paused = false;
  reason: Error | null = null;
  /** It was told how it ended: nothing follows. */
  ended = false;
  /** While it is under way. */
  carrier: Carrier | undefined;

  /** @throws {InvalidArgumentError} of undici, for what is no request of HTTP/1.1 */
  constructor(
    host: string,
    { path, method, headers, headersTimeout, bodyTimeout }: Dispatcher.DispatchOptions,
    timeouts: Timeouts,
    handler: Dispatcher.DispatchHandler,
  ) {
    this.method = method;
    this.text = textOf(host, method, path, headers);
    this.headersTimeoutMs = headersTimeout ?? timeouts.headersTimeout;
    this.bodyTimeoutMs = bodyTimeout ?? timeouts.bodyTimeout;
    this.handler = handler;
  }

  get aborted(): boolean {
    return this.reason !== null;
  }

  /** Says that it leaves now. Returns whether it is still wanted. */
  start(): boolean {
    try {
      this.handler.onRequestStart?.(this, null);
    } catch (error) {
      this.abort(error as Error);
    }
    return !this.aborted;
  }

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.carrier?.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.carrier?.resume();
  }

  abort(reason: Error): void {
    if (this.aborted || this.ended) return;
    this.reason = reason;
    if (this.carrier !== undefined) this.carrier.destroy(reason);
    else this.handler.onResponseError?.(this, reason);
  }
}

function textOf(host: string, method: string, path: string, headers: Dispatcher.DispatchOptions["headers"]) {
  if (!PATH.test(path)) throw new errors.InvalidArgumentError("invalid request path");
  let text = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`;
  const flat = headers as readonly string[];
  for (let at = 0; at < flat.length; at += 2) {
    const name = flat[at] as string;
    const value = flat[at + 1] as string;
    if (NO_VALUE.test(value) || !isToken(name))
      throw new errors.InvalidArgumentError(`invalid ${name} header`);
    text += `${name}: ${value}\r\n`;
  }
  return `${text}\r\n`;
}

function isToken(name: string): boolean {
  if (tokens.has(name)) return true;
  if (!TOKEN.test(name)) return false;
  if (tokens.size >= MOST_NAMES) tokens.clear();
  tokens.add(name);
  return true;
}
