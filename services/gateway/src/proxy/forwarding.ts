import type { FastifyReply, FastifyRequest } from "fastify";
import type { Visit } from "../visits.ts";
import { readBody } from "./body.ts";
import type { Destination, Target } from "./destination.ts";
import { Exchange } from "./exchange.ts";
import type { Holds } from "./holds.ts";
import { failWith, type HttpCarrier } from "./http.ts";
import type { AllLanes } from "./lanes.ts";
import type { KeyRoute, Proxied } from "./proxied.ts";
import type { RuleRouter } from "./rules/router.ts";
import type { WebSocketCarrier } from "./websocket/carrier.ts";
import { upgradeOf } from "./websocket/upgrades.ts";

export interface ForwardingParts {
  readonly holdMs: number;
  readonly bodyLimitBytes: number;
  readonly lanes: AllLanes;
  readonly router: RuleRouter;
  readonly holds: Holds;
  readonly http: HttpCarrier;
  readonly webSockets: WebSocketCarrier;
}

/** Doing it twice does what doing it once does (RFC 9110, 9.2.2). */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** Finds whom a request is for, and begins the exchange with him: handlers of routes. */
export class Forwarding {
  readonly #parts: ForwardingParts;

  constructor(parts: ForwardingParts) {
    this.#parts = parts;
  }

  /** Of what is for a key of a service. */
  readonly toOwner = (request: FastifyRequest<KeyRoute>, reply: FastifyReply): void => {
    const { service, key } = request.params;
    const { lanes: all } = this.#parts;
    const lanes = all.known(service);
    const { path } = request.proxied as Proxied;
    if (lanes !== undefined) {
      this.#begin(request as FastifyRequest, reply, lanes.ownerOf(key), path);
      return;
    }
    all.open(service).then(
      (opened) =>
        this.#attemptOr(reply, () =>
          this.#begin(request as FastifyRequest, reply, opened.ownerOf(key), path),
        ),
      (error) => failWith(reply, error),
    );
  };

  /** Of what a rule is about. */
  readonly byRule = (request: FastifyRequest, reply: FastifyReply): void => {
    this.#follow(request, reply).catch((error) => failWith(reply, error));
  };

  async #follow(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { path, rule } = request.proxied as Proxied;
    if (rule === undefined) return;
    const { router, bodyLimitBytes } = this.#parts;
    const { key, stripPrefix } = rule.rule;
    let body: Buffer | undefined;
    if (key?.from === "json") {
      body = await readBody(request.raw, bodyLimitBytes);
      (request.visit as Visit).hold(body.byteLength);
      if (body.byteLength > 0) request.body = body;
    }
    const destination = await router.destinationOf(rule, request, path, body);
    this.#begin(request, reply, destination, stripped(path, stripPrefix), rule.rule.timeoutMs);
  }

  #begin(
    request: FastifyRequest,
    reply: FastifyReply,
    destination: Destination,
    path: string,
    timeoutMs?: number,
  ): void {
    const { body, raw } = request;
    const { holdMs, holds, http, webSockets } = this.#parts;
    const carrier = upgradeOf(raw) === undefined ? http : webSockets;
    const streamed = body !== undefined && !Buffer.isBuffer(body);
    const exchange = new Exchange({
      caller: reply.raw,
      destination,
      holds,
      holdMs,
      repeatable: !streamed && IDEMPOTENT.has(raw.method ?? ""),
      intact: () => !streamed || !raw.readableDidRead,
      attempt: (target: Target) =>
        this.#attemptOr(reply, () => carrier.attempt(reply, target, path, timeoutMs)),
      fail: (error) => failWith(reply, error),
    });
    (request.proxied as Proxied).exchange = exchange;
    exchange.begin();
  }

  /** Attempts are made within timers as well, where nobody would catch what is thrown. */
  #attemptOr(reply: FastifyReply, attempt: () => void): void {
    try {
      attempt();
    } catch (error) {
      failWith(reply, error);
    }
  }
}

function stripped(path: string, prefix: string | undefined): string {
  if (prefix === undefined) return path;
  const bare = prefix.replace(/\/$/, "");
  return path === bare || path.startsWith(`${bare}/`) ? path.slice(bare.length) : path;
}
