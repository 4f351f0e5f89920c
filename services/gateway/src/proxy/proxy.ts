import { METHODS } from "node:http";
import type { LookupFunction } from "node:net";
import replyFrom from "@fastify/reply-from";
import type { FastifyBaseLogger, FastifyInstance } from "fastify";
import type { Logger } from "pino";
import type { Backend } from "../backend.ts";
import { checkedLookup } from "../callbacks/addresses.ts";
import type { ResolvedGatewayOptions } from "../options.ts";
import type { Visits } from "../visits.ts";
import { Door } from "./door.ts";
import { Forwarding } from "./forwarding.ts";
import { RequestHeaders } from "./headers.ts";
import { Holds } from "./holds.ts";
import { HttpCarrier } from "./http.ts";
import { AllLanes } from "./lanes.ts";
import { ProxyPolicy } from "./policy.ts";
import type { KeyRoute } from "./proxied.ts";
import { RuleRouter } from "./rules/router.ts";
import { RulesFile } from "./rules/rules-file.ts";
import { Transport } from "./transport.ts";
import { Upstreams } from "./upstream.ts";
import { WebSocketCarrier } from "./websocket/carrier.ts";
import { routeUpgrades } from "./websocket/upgrades.ts";

export interface ProxyParts {
  readonly settings: ResolvedGatewayOptions;
  readonly backend: Backend;
  readonly visits: Visits;
  readonly logger: Logger;
}

/** Whose URLs the plugin keeps; of more it would make them anew. */
const MOST_UPSTREAMS = 1_000;

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
  readonly #holds: Holds;
  readonly #transport: Transport;
  readonly #door: Door;
  readonly #forwarding: Forwarding;

  constructor(parts: ProxyParts) {
    const { settings, backend, visits } = parts;
    const { client, closing } = backend;
    const { proxyTrustedProxies: trustedProxies, proxyTimeoutMs: timeoutMs, bodyLimitBytes } = settings;
    const policy = new ProxyPolicy(settings.proxyHosts);
    const lookup: LookupFunction = (hostname, options, callback) =>
      checkedLookup({ allows: (address) => policy.allows(hostname, address) })(hostname, options, callback);
    const upstreams = new Upstreams(policy);
    const headers = new RequestHeaders(trustedProxies);
    const lanes = new AllLanes({ client, services: settings.services, upstreams });
    this.#parts = parts;
    this.#holds = new Holds({ maxHeld: settings.maxProxyHeld, closing });
    this.#transport = new Transport({
      connections: settings.proxyConnections,
      connectTimeoutMs: settings.proxyConnectTimeoutMs,
      headersTimeoutMs: timeoutMs,
      idleTimeoutMs: settings.proxyIdleTimeoutMs,
      lookup,
    });
    this.router = new RuleRouter({ lanes, upstreams, trustedProxies });
    this.#door = new Door({ settings, backend, visits, headers, router: this.router });
    this.#forwarding = new Forwarding({
      holdMs: settings.proxyHoldMs,
      bodyLimitBytes,
      lanes,
      router: this.router,
      holds: this.#holds,
      http: new HttpCarrier(headers),
      webSockets: new WebSocketCarrier({ headers, lookup, timeoutMs, closing }),
    });
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
        onRequest: this.#door.admitKey,
        handler: this.#forwarding.toOwner,
      };
      if (settings.proxy !== false) {
        scope.route<KeyRoute>({ url: "/v1/:service/proxy/:key", ...byKey });
        scope.route<KeyRoute>({ url: "/v1/:service/proxy/:key/*", ...byKey });
      }
      if (settings.proxyRules !== undefined)
        scope.route({
          ...{ url: "/*", method, exposeHeadRoute: false },
          onRequest: this.#door.admitRule,
          handler: this.#forwarding.byRule,
        });
    });
  }

  /** Cuts what is under way. */
  async close(): Promise<void> {
    this.file?.close();
    await this.#transport.destroy();
  }
}
