import type { DeadLettersByService } from "@shardcast/dead-letters";
import { ShardcastError } from "@shardcast/protocol";
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
} from "fastify";
import type { Logger } from "pino";
import type { Backend } from "./backend.ts";
import { answerClientError, noteAnswer } from "./client-error.ts";
import type { Contracts } from "./contracts/contracts.ts";
import { documentsOf } from "./documents/documents.ts";
import type { Lags } from "./lags.ts";
import type { ResolvedGatewayOptions } from "./options.ts";
import { expectedError, sendProblem } from "./problems.ts";
import type { DirectProxy } from "./proxy/proxy.ts";
import { isWebSocket } from "./proxy/websocket/upgrades.ts";
import { publisher } from "./publish.ts";
import { addBroadcastEventRoutes } from "./routes/broadcast-events.ts";
import { addBroadcastRoutes } from "./routes/broadcasts.ts";
import { addDeadLetterRoutes } from "./routes/dead-letters.ts";
import { addDirectoryRoutes } from "./routes/directory.ts";
import { addDocumentRoutes } from "./routes/documents.ts";
import { addHealthRoutes } from "./routes/health.ts";
import { addHotKeyRoutes } from "./routes/hot-keys.ts";
import { addKeyRoutes } from "./routes/keys.ts";
import { addEventRoutes } from "./routes/request-events.ts";
import { addRequestRoutes } from "./routes/requests.ts";
import { addServiceRequestRoutes } from "./routes/service-requests.ts";
import type { Visits } from "./visits.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The request's Content-Type as it came. */
    bodyType: string | undefined;
  }
}

/** Longest time a request may take to arrive. Fastify's default is for ever, which lets slow callers pile up. */
const REQUEST_TIMEOUT_MS = 60_000;
/** Longer than any path that fits into Node's 16 KB of headers: the limits of keys and handlers decide, not this one. */
const MAX_PARAM_LENGTH = 20_000;

export interface AppOptions {
  readonly settings: ResolvedGatewayOptions;
  readonly logger: Logger;
  readonly backend: Backend;
  readonly visits: Visits;
  readonly lags: Lags;
  readonly deadLetters: DeadLettersByService;
  readonly contracts: Contracts;
  /** Undefined where nothing is proxied. */
  readonly proxy: DirectProxy | undefined;
}

/** The HTTP side: routes and what is said when there is none. */
export function buildApp(options: AppOptions): FastifyInstance {
  const { settings, logger, backend, visits, lags, deadLetters, contracts, proxy } = options;
  const app = fastify({
    loggerInstance: logger as FastifyBaseLogger,
    // No line and no child logger for a request: this is the hot path.
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (parent) => parent,
    // Nobody reads their numbers.
    genReqId: () => "",
    bodyLimit: settings.bodyLimitBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Answered in our own words, below.
    return503OnClosing: false,
    // Node before 24.9 does not ask, and takes every upgrade for one as soon as somebody listens to them.
    http: {
      requireHostHeader: false,
      // A request without a body needs no stream for one (Node 24.12 and newer; older ones do not know it).
      optimizeEmptyRequests: true,
      ...(proxy === undefined ? {} : { shouldUpgradeCallback: isWebSocket }),
    },
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, _request, reply) => answerError(error, reply as FastifyReply),
  });

  function answerError(error: unknown, reply: FastifyReply): FastifyReply {
    const expected = expectedError(error);
    if (expected === undefined || isFault(expected)) logger.error({ err: error }, "unexpected fault");
    return sendProblem(reply, expected ?? error);
  }

  app.setErrorHandler((error, _request, reply) => answerError(error, reply));
  app.setNotFoundHandler((_request, reply) =>
    sendProblem(reply, new ShardcastError("SHARDCAST_NOT_FOUND", "no such route")),
  );
  app.decorateRequest("bodyType", undefined);
  app.decorateRequest("visit", null);
  app.addHook("onRequest", readHead);
  // Bodies are opaque: one parser for all of them, and it parses nothing.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.server.on("connection", (socket) => {
    // Each pipelined request listens for the end of its connection.
    socket.setMaxListeners(0);
  });
  // Node would answer 417 with an empty body; an expectation may as well be ignored (RFC 9110, 10.1.1).
  app.server.on("request", noteAnswer);
  // Node would write its 100 into the answer to the request before, when requests are pipelined.
  app.server.on("checkContinue", (request, response) => {
    if (response.socket !== null) response.writeContinue();
    app.server.emit("request", request, response);
  });
  app.server.on("checkExpectation", (request, response) => app.server.emit("request", request, response));
  const { forwardHeaders, broadcastRetentionMs, eventHeartbeatMs: heartbeatMs } = settings;
  addHealthRoutes(app, backend);
  addDirectoryRoutes(app, { backend, visits, lags, heartbeatMs });
  addHotKeyRoutes(app, { backend, visits, hotKeys: backend.hotKeys });
  addDeadLetterRoutes(app, { backend, visits, deadLetters });
  addDocumentRoutes(app, documentsOf(contracts, settings), Object.keys(settings.services));
  const publish = publisher({
    backend,
    limits: settings,
    callbacks: settings,
    forwardHeaders,
    resultRetentionMs: settings.resultRetentionMs,
    contracts,
    logger,
  });
  addKeyRoutes(app, { backend, visits, publish });
  addServiceRequestRoutes(app, { backend, visits, publish, keySources: settings.keySources });
  addRequestRoutes(app, { backend, visits, maxTimeoutMs: settings.maxTimeoutMs, logger });
  addEventRoutes(app, { backend, visits, heartbeatMs });
  const broadcasting = { limits: settings, forwardHeaders, broadcastRetentionMs, contracts };
  addBroadcastRoutes(app, { backend, visits, ...broadcasting });
  addBroadcastEventRoutes(app, { backend, visits, heartbeatMs });
  // Last: what is anybody else's path is not a rule's.
  proxy?.addTo(app);
  return app;
}

/** A fault on our side, carried by the client; a worker's has no cause here, and is in that worker's log. */
function isFault({ code, cause }: ShardcastError): boolean {
  return code === "SHARDCAST_INTERNAL" && cause !== undefined;
}

function readHead(request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void {
  const { raw } = request;
  // Hidden from Fastify, which would read it, look for a parser, and refuse what is not a media type.
  request.bodyType = raw.headers["content-type"];
  raw.headers["content-type"] = undefined;
  if (raw.headers.host === undefined && raw.httpVersion === "1.1") {
    done(new ShardcastError("SHARDCAST_INVALID_REQUEST", "Host: must be there in HTTP/1.1"));
    return;
  }
  done();
}
