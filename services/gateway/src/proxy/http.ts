import type { IncomingHttpHeaders } from "node:http";
import type { FastifyReplyFromHooks } from "@fastify/reply-from";
import { isShardcastError, ShardcastError } from "@shardcast/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import { expectedError, sendProblem } from "../problems.ts";
import type { Target } from "./destination.ts";
import type { Exchange } from "./exchange.ts";
import { failureOf } from "./failure.ts";
import type { RequestHeaders } from "./headers.ts";
import type { Proxied } from "./proxied.ts";
import { SENDING, type Sending } from "./transport.ts";
import type { UpstreamAnswer } from "./upstream-answer.ts";

/** Whoever answers so has looked at the key, and does not own it (RFC 9110, 15.5.20). */
const MISDIRECTED = 421;
/** Ours are set on the raw response, all at once. */
const NONE = {};
/** Time-outs of rules; those of rules that are gone may be forgotten. */
const MOST_CACHED = 1_000;

/** What the plugin hands over of an answer. */
interface Answered {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  readonly stream: UpstreamAnswer;
}

/** What the plugin asks of us, for HTTP/1.1 and for what our transport answers. */
interface Hooks {
  readonly timeout?: number;
  getUpstream(request: FastifyRequest): string;
  rewriteRequestHeaders(request: FastifyRequest, headers: IncomingHttpHeaders): IncomingHttpHeaders;
  rewriteHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders;
  retryDelay(): null;
  onResponse(request: FastifyRequest, reply: FastifyReply, answer: Answered): void;
  onError(reply: FastifyReply, fault: { readonly error: Error }): void;
}

/** Sends requests on with `@fastify/reply-from`, and its answers and errors back. */
export class HttpCarrier {
  readonly #headers: RequestHeaders;
  /** By time-out, because there is one object for each call, and it is the same for most. */
  readonly #hooks = new Map<number | undefined, Hooks>();

  constructor(headers: RequestHeaders) {
    this.#headers = headers;
  }

  /** One attempt. What comes of it is told to the request's exchange. */
  attempt(reply: FastifyReply, target: Target, path: string, timeoutMs: number | undefined): void {
    const { request } = reply;
    const proxied = request.proxied as Proxied;
    const url = request.raw.url ?? "";
    const query = url.indexOf("?");
    proxied.target = target;
    proxied.sentPath = `${target.upstream.basePath}${path === "" ? "/" : path}${query === -1 ? "" : url.slice(query)}`;
    // The plugin would make a URL of it, for each request. As it is, it knows that of the upstream already.
    reply.from("/", this.#hooksFor(timeoutMs) as unknown as FastifyReplyFromHooks);
  }

  #hooksFor(timeoutMs: number | undefined): Hooks {
    const known = this.#hooks.get(timeoutMs);
    if (known !== undefined) return known;
    if (this.#hooks.size > MOST_CACHED) this.#hooks.clear();
    const hooks = this.#hooksOf(timeoutMs);
    this.#hooks.set(timeoutMs, hooks);
    return hooks;
  }

  #hooksOf(timeoutMs: number | undefined): Hooks {
    return {
      ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
      getUpstream: (request) => targetOf(request).upstream.origin,
      rewriteRequestHeaders: (request, headers) => {
        const { headers: told } = targetOf(request);
        const sent = this.#headers.forward(request.raw, request.bodyType, headers, told);
        // Of an object the plugin and undici would make three more.
        const { caller, sentPath: path = "/" } = request.proxied as Proxied;
        const sending: Sending = { caller, path, headers: sent };
        return { [SENDING]: sending };
      },
      rewriteHeaders: () => NONE,
      // What may be sent again is decided by the exchange; the plugin would repeat every GET that is answered 503.
      retryDelay: () => null,
      onResponse: (request, reply, res) => {
        const { statusCode, headers, stream } = res;
        const pass = () => passOn(request, reply, stream, statusCode, headers);
        if (statusCode !== MISDIRECTED) return pass();
        exchangeOf(request).failed({ kind: "misdirected", pass, drop: () => stream.destroy() });
      },
      onError: (reply, { error }) => {
        const { request } = reply;
        if (reply.raw.destroyed) return;
        const failure = failureOf(error.cause ?? error, targetOf(request).upstream.url.host);
        if (isShardcastError(failure)) failWith(reply, failure);
        else exchangeOf(request).failed(failure);
      },
    };
  }
}

/** Answers with what went wrong; nobody who has left. */
export function failWith(reply: FastifyReply, error: unknown): void {
  if (reply.raw.destroyed) {
    reply.hijack();
    return;
  }
  // The rest of the body is not waited for.
  if (!reply.request.raw.complete) reply.header("connection", "close");
  sendProblem(reply, expectedError(error) ?? error);
}

function passOn(
  request: FastifyRequest,
  reply: FastifyReply,
  answer: UpstreamAnswer,
  status: number,
  headers: IncomingHttpHeaders,
): void {
  try {
    answer.send(request.raw, status, headers);
  } catch (cause) {
    answer.destroy();
    const { host } = targetOf(request).upstream.url;
    const detail = `${host} answered with what is no HTTP`;
    failWith(reply, new ShardcastError("SHARDCAST_UPSTREAM_FAILED", detail, { cause }));
    return;
  }
  reply.hijack();
}

function targetOf({ proxied }: FastifyRequest): Target {
  return (proxied as Proxied).target as Target;
}

function exchangeOf({ proxied }: FastifyRequest): Exchange {
  return (proxied as Proxied).exchange as Exchange;
}
