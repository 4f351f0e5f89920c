import type { AddressInfo } from "node:net";
import type { Client } from "@shardcast/client";
import { invalidRequest } from "@shardcast/http-words";
import { type FastifyBaseLogger, fastify, LogController } from "fastify";
import type { Logger } from "pino";
import type { Sidecar } from "../sidecar.ts";
import { addBroadcastRoutes } from "./broadcasts.ts";
import { addKeyRoutes, type CallLimits } from "./keys.ts";
import { addMemberRoutes } from "./member.ts";
import { expectedError, notOffered, sendProblem } from "./problems.ts";
import { addRequestRoutes } from "./requests.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The Content-Type as it came. */
    sentType: string | undefined;
  }
}

export interface LocalApiOptions extends CallLimits {
  readonly port: number;
  readonly bodyLimitBytes: number;
  readonly client: Client;
  readonly sidecar: Sidecar;
  readonly logger: Logger;
}

export interface LocalApi {
  readonly port: number;
  /** Answers what is under way, and takes nothing new. */
  close(): Promise<void>;
}

/** Who reaches it acts for the application, without being asked who he is: nobody from outside the pod may. */
const HOST = "127.0.0.1";
/** Longer than any path that fits into Node's 16 KB of headers: the limits of keys and handlers decide, not this one. */
const MAX_PARAM_LENGTH = 20_000;

/** What the application beside this process may ask, with the paths and meanings of a gateway. */
export async function serveLocalApi(options: LocalApiOptions): Promise<LocalApi> {
  const { port, bodyLimitBytes: bodyLimit, client, sidecar, logger } = options;
  const app = fastify({
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, expectedError(error) ?? error),
  });
  app.setErrorHandler((error, _request, reply) => {
    const expected = expectedError(error);
    if (expected === undefined) logger.error({ err: error }, "unexpected fault");
    return sendProblem(reply, expected ?? error);
  });
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, notOffered()));
  // Bodies are opaque: one parser for all of them, and it parses nothing.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.decorateRequest("sentType", undefined);
  app.addHook("onRequest", async (request) => {
    const { headers } = request.raw;
    // A page in a browser on the same machine reaches loopback as well.
    if (headers.origin !== undefined)
      throw invalidRequest("Origin: this is for the application, not for browsers");
    // Hidden from Fastify, which would look for a parser and refuse what is not a media type.
    request.sentType = headers["content-type"];
    headers["content-type"] = undefined;
  });
  addMemberRoutes(app, sidecar);
  addKeyRoutes(app, client, options);
  addRequestRoutes(app, client, options);
  addBroadcastRoutes(app, client, options);
  await app.listen({ port, host: HOST });
  return { port: (app.server.address() as AddressInfo).port, close: () => app.close() };
}
