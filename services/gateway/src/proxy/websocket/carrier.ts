import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { LookupFunction, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { isShardcastError } from "@shardcast/protocol";
import type { FastifyReply } from "fastify";
import type { Target } from "../destination.ts";
import type { Exchange } from "../exchange.ts";
import { failureOf } from "../failure.ts";
import { answerHeaders, type RequestHeaders } from "../headers.ts";
import { failWith } from "../http.ts";
import type { Proxied } from "../proxied.ts";
import { NotSent } from "../upstream-answer.ts";
import { Tunnel } from "./tunnel.ts";
import { type Upgrade, upgradeOf } from "./upgrades.ts";

const MISDIRECTED = 421;
const KEEP_ALIVE_MS = 30_000;

export interface WebSocketCarrierOptions {
  readonly headers: RequestHeaders;
  readonly lookup: LookupFunction;
  /** For the owner to answer the handshake. */
  readonly timeoutMs: number;
  /** Fires when the gateway closes. */
  readonly closing: AbortSignal;
}

/**
 * Takes handshakes to owners, and their answers back, whatever they are: a caller becomes a WebSocket's end only when the owner did. Not
 * undici, which says of a refused handshake only that it was.
 */
export class WebSocketCarrier {
  readonly #options: WebSocketCarrierOptions;
  readonly #tunnels = new Set<Tunnel>();

  constructor(options: WebSocketCarrierOptions) {
    this.#options = options;
    options.closing.addEventListener("abort", () => {
      for (const tunnel of this.#tunnels) tunnel.close();
    });
  }

  /** WebSockets that are open. */
  get size(): number {
    return this.#tunnels.size;
  }

  /** One attempt. What comes of it, short of an answer, is told to the request's exchange. */
  attempt(reply: FastifyReply, target: Target, path: string, timeoutMs: number | undefined): void {
    const { lookup, timeoutMs: usual } = this.#options;
    const { raw } = reply.request;
    const exchange = (reply.request.proxied as Proxied).exchange as Exchange;
    const { url, basePath } = target.upstream;
    const query = (raw.url ?? "").slice((raw.url ?? "").indexOf("?"));
    const send = url.protocol === "https:" ? requestHttps : requestHttp;
    const asked = send({
      hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: url.port === "" ? undefined : Number(url.port),
      path: `${basePath}${path === "" ? "/" : path}${query.startsWith("?") ? query : ""}`,
      headers: this.#handshake(raw, target),
      agent: false,
      lookup,
      timeout: timeoutMs ?? usual,
    });
    let sent = false;
    asked.on("socket", (socket) => socket.once("connect", () => (sent = true)));
    const left = () => asked.destroy();
    reply.raw.once("close", left);
    asked.on("timeout", () => asked.destroy(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" })));
    asked.on("upgrade", (answer, socket, head) => {
      reply.raw.off("close", left);
      this.#open(reply, answer, socket, head);
    });
    asked.on("response", (answer) => {
      const pass = () => void passOn(reply, answer);
      if (answer.statusCode !== MISDIRECTED) pass();
      else exchange.failed({ kind: "misdirected", pass, drop: () => answer.destroy() });
    });
    asked.on("error", (error) => {
      reply.raw.off("close", left);
      if (reply.raw.destroyed || reply.sent) return;
      const failure = failureOf(sent ? error : new NotSent(error), url.host);
      if (isShardcastError(failure)) failWith(reply, failure);
      else exchange.failed(failure);
    });
    asked.end();
  }

  #handshake(raw: IncomingMessage, target: Target): string[] {
    const headers: Record<string, string | string[] | undefined> = { ...raw.headers };
    for (const name of (raw.headers.connection ?? "").split(","))
      headers[name.trim().toLowerCase()] = undefined;
    headers["content-length"] = undefined;
    headers.host = target.upstream.url.host;
    const sent = this.#options.headers.forward(raw, undefined, headers, target.headers);
    return [...sent, "connection", "Upgrade", "upgrade", "websocket"];
  }

  #open(reply: FastifyReply, answer: IncomingMessage, owner: Socket, head: Buffer): void {
    const { socket: caller, head: first } = upgradeOf(reply.request.raw) as Upgrade;
    reply.hijack();
    reply.raw.detachSocket(caller as Socket);
    for (const socket of [caller, owner] as Partial<Socket>[]) {
      socket.setTimeout?.(0);
      socket.setNoDelay?.(true);
      socket.setKeepAlive?.(true, KEEP_ALIVE_MS);
    }
    owner.on("error", () => caller.destroy());
    caller.write(`HTTP/1.1 101 Switching Protocols\r\n${headText(answer)}\r\n`, "latin1");
    const tunnel = new Tunnel(caller, owner, [first, head]);
    this.#tunnels.add(tunnel);
    caller.once("close", () => this.#tunnels.delete(tunnel));
    // It has begun meanwhile.
    if (this.#options.closing.aborted) tunnel.close();
  }
}

function headText({ headers }: IncomingMessage): string {
  const flat = ["connection", "Upgrade", "upgrade", "websocket", ...answerHeaders(headers)];
  let text = "";
  for (let at = 0; at < flat.length; at += 2) text += `${flat[at]}: ${flat[at + 1]}\r\n`;
  return text;
}

/** An answer that is none to a handshake. */
async function passOn(reply: FastifyReply, answer: IncomingMessage): Promise<void> {
  const { raw } = reply;
  reply.hijack();
  raw.writeHead(answer.statusCode as number, [...answerHeaders(answer.headers), "connection", "close"]);
  // Either end may have left; both are closed then.
  await pipeline(answer, raw as unknown as Duplex).catch(() => undefined);
}
