import { METHODS } from "node:http";
import type { LookupFunction } from "node:net";
import replyFrom from "@fastify/reply-from";
import { ShardcastError } from "@shardcast/protocol";
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { Backend } from "../backend.ts";
import { checkedLookup } from "../callbacks/addresses.ts";
import type { ResolvedGatewayOptions } from "../options.ts";
import type { Visit, Visits } from "../visits.ts";
import { bodyFor, readBody } from "./body.ts";
import type { Destination, Target } from "./destination.ts";
import { Exchange } from "./exchange.ts";
import { RequestHeaders } from "./headers.ts";
import { Holds } from "./holds.ts";
import { failWith, HttpCarrier } from "./http.ts";
import { AllLanes } from "./lanes.ts";
import { after, pathOf } from "./path.ts";
import { ProxyPolicy } from "./policy.ts";
import type { Proxied } from "./proxied.ts";
import { RuleRouter } from "./rules/router.ts";
import { RulesFile } from "./rules/rules-file.ts";
import { Transport } from "./transport.ts";
import { Upstreams } from "./upstream.ts";
import { WebSocketCarrier } from "./websocket/carrier.ts";
import { routeUpgrades, upgradeOf } from "./websocket/upgrades.ts";

interface KeyRoute {
  Params: { readonly service: string; readonly key: string };
}

export interface ProxyParts {
  readonly settings: ResolvedGatewayOptions;
  readonly backend: Backend;
  readonly visits: Visits;
  readonly logger: Logger;
}

/** Doing it twice does what doing it once does (RFC 9110, 9.2.2). */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);
/** Whose URLs the plugin keeps; of more it would make them anew. */
const MOST_UPSTREAMS = 1_000;
/** `/v1/{service}/proxy/{key}`: what follows is the owner's path. */
const OWN_SEGMENTS = 4;

/**
 * Begins to proxy; undefined where that is not wanted.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG for a file of rules that is bad or missing
 */
export async function openProxy(parts: ProxyParts): Promise<DirectProxy | undefined> {
  const { proxy, proxyRules, services } = parts.settings;
  if (proxy === false && proxyRules === undefined) return undefined;
  const opened = new DirectProxy(parts);
  if (proxyRules?.kind === "rules") opened.router.set(proxyRules.rules);
  else if (proxyRules !== undefined) {
    const { path } = proxyRules;
    const onRules = opened.router.set.bind(opened.router);
    opened.file = await RulesFile.open({ path, services, logger: parts.logger, onRules });
  }
  return opened;
}

/** Requests straight to who owns their key, over HTTP and past the log. */
export class DirectProxy {
  readonly router: RuleRouter;
  /** Where the rules are from, if they are from one. */
  file: RulesFile | undefined;
  readonly #parts: ProxyParts;
  readonly #headers: RequestHeaders;
  readonly #holds: Holds;
  readonly #lanes: AllLanes;
  readonly #transport: Transport;
  readonly #http: HttpCarrier;
  readonly #webSockets: WebSocketCarrier;

  constructor(parts: ProxyParts) {
    const { settings, backend } = parts;
    this.#parts = parts;
    const policy = new ProxyPolicy(settings.proxyHosts);
    const lookup: LookupFunction = (hostname, options, callback) =>
      checkedLookup({ allows: (address) => policy.allows(hostname, address) })(hostname, options, callback);
    const upstreams = new Upstreams(policy);
    const { client, closing } = backend;
    this.#headers = new RequestHeaders(settings.proxyTrustedProxies);
    this.#holds = new Holds({ maxHeld: settings.maxProxyHeld, closing });
    this.#lanes = new AllLanes({ client, services: settings.services, upstreams });
    this.#transport = new Transport({
      connections: settings.proxyConnections,
      connectTimeoutMs: settings.proxyConnectTimeoutMs,
      headersTimeoutMs: settings.proxyTimeoutMs,
      idleTimeoutMs: settings.proxyIdleTimeoutMs,
      lookup,
    });
    this.#http = new HttpCarrier(this.#headers);
    const timeoutMs = settings.proxyTimeoutMs;
    this.#webSockets = new WebSocketCarrier({ headers: this.#headers, lookup, timeoutMs, closing });
    const trustedProxies = settings.proxyTrustedProxies;
    this.router = new RuleRouter({ lanes: this.#lanes, upstreams, trustedProxies });
  }

  /** Requests that wait for an owner now. */
  get held(): number {
    return this.#holds.size;
  }

  addTo(app: FastifyInstance): void {
    const { settings, logger } = this.#parts;
    // All there are, so that an owner gets whatever it may understand.
    for (const method of METHODS)
      if (method !== "CONNECT" && !app.supportedMethods.includes(method))
        app.addHttpMethod(method, { hasBody: true });
    routeUpgrades(app);
    const silent = logger.child({}, { level: "silent" }) as FastifyBaseLogger;
    app.register(async (scope) => {
      scope.decorateRequest("proxied", null);
      // The plugin logs each attempt that fails; what comes of them all is the caller's to know.
      scope.setChildLoggerFactory(() => silent);
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
      await scope.register(replyFrom, {
        undici: this.#transport as unknown as { request: never },
        // Of upstreams alone: paths go past it.
        cacheURLs: MOST_UPSTREAMS,
        disableRequestLogging: true,
      });
      const method = [...app.supportedMethods];
      const byKey = {
        method,
        exposeHeadRoute: false,
        onRequest: this.#admitKey,
        handler: this.#toOwner,
      };
      if (settings.proxy !== false) {
        scope.route<KeyRoute>({ url: "/v1/:service/proxy/:key", ...byKey });
        scope.route<KeyRoute>({ url: "/v1/:service/proxy/:key/*", ...byKey });
      }
      if (settings.proxyRules !== undefined)
        scope.route({
          ...{ url: "/*", method, exposeHeadRoute: false },
          onRequest: this.#admitRule,
          handler: this.#byRule,
        });
    });
  }

  /** Cuts what is under way. */
  async close(): Promise<void> {
    this.file?.close();
    await this.#transport.destroy();
  }

  readonly #admitKey = (
    request: FastifyRequest<KeyRoute>,
    reply: FastifyReply,
    done: (error?: Error) => void,
  ): void => {
    try {
      const { backend, settings } = this.#parts;
      const { service } = request.params;
      backend.assertServed(service);
      if (Array.isArray(settings.proxy) && !settings.proxy.includes(service))
        throw new ShardcastError("SHARDCAST_NOT_FOUND", `nothing is proxied to ${service} here`);
      const path = after(pathOf(request.raw.url ?? ""), OWN_SEGMENTS);
      this.#admit(request as FastifyRequest, reply, { path, rule: undefined });
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  };

  readonly #admitRule = (
    request: FastifyRequest,
    reply: FastifyReply,
    done: (error?: Error) => void,
  ): void => {
    try {
      const url = request.raw.url ?? "";
      // What no rule is about gets the usual answer, however odd its path.
      const query = url.indexOf("?");
      const rule = this.router.find(request, query === -1 ? url : url.slice(0, query));
      if (rule === undefined) throw new ShardcastError("SHARDCAST_NOT_FOUND", "no such route");
      const { service } = rule.rule;
      if (service === undefined) this.#parts.backend.assertTaking();
      else this.#parts.backend.assertServed(service);
      this.#admit(request, reply, { path: pathOf(url), rule });
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  };

  #admit(request: FastifyRequest, reply: FastifyReply, way: Pick<Proxied, "path" | "rule">): void {
    this.#headers.assertNoLoop(request.raw);
    bodyFor(request.raw);
    request.visit = this.#parts.visits.begin(request.raw, reply.raw);
    // What goes through is not held.
    request.visit.hold(0);
    request.proxied = { ...way, caller: reply.raw };
  }

  readonly #toOwner = (request: FastifyRequest<KeyRoute>, reply: FastifyReply): void => {
    const { service, key } = request.params;
    const lanes = this.#lanes.known(service);
    const { path } = request.proxied as Proxied;
    if (lanes !== undefined) {
      this.#begin(request as FastifyRequest, reply, lanes.ownerOf(key), path);
      return;
    }
    this.#lanes.open(service).then(
      (opened) =>
        this.#attemptOr(reply, () =>
          this.#begin(request as FastifyRequest, reply, opened.ownerOf(key), path),
        ),
      (error) => failWith(reply, error),
    );
  };

  readonly #byRule = (request: FastifyRequest, reply: FastifyReply): void => {
    this.#follow(request, reply).catch((error) => failWith(reply, error));
  };

  async #follow(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { path, rule } = request.proxied as Proxied;
    if (rule === undefined) return;
    const { key, stripPrefix } = rule.rule;
    let body: Buffer | undefined;
    if (key?.from === "json") {
      body = await readBody(request.raw, this.#parts.settings.bodyLimitBytes);
      (request.visit as Visit).hold(body.byteLength);
      if (body.byteLength > 0) request.body = body;
    }
    const destination = await this.router.destinationOf(rule, request, path, body);
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
    const carrier = upgradeOf(raw) === undefined ? this.#http : this.#webSockets;
    const streamed = body !== undefined && !Buffer.isBuffer(body);
    const exchange = new Exchange({
      caller: reply.raw,
      destination,
      holds: this.#holds,
      holdMs: this.#parts.settings.proxyHoldMs,
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
