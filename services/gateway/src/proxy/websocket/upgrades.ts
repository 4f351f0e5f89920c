import { type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";

/** What a request to become a WebSocket came with. */
export interface Upgrade {
  readonly socket: Duplex;
  readonly head: Buffer;
}

const upgrades = new WeakMap<IncomingMessage, Upgrade>();

/** Undefined for a request that wants an answer only. */
export function upgradeOf(request: IncomingMessage): Upgrade | undefined {
  return upgrades.get(request);
}

/** Whether a request asks for a WebSocket; other upgrades are not followed, and the request is an ordinary one. */
export function isWebSocket({ method, headers: { upgrade } }: IncomingMessage): boolean {
  return method === "GET" && upgrade?.toLowerCase() === "websocket";
}

/** Lets requests for WebSockets go the way of all requests: admission, routes, and why not. */
export function routeUpgrades(app: FastifyInstance): void {
  (app.server as Server).on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    const response = new ServerResponse(request);
    // Where its next request would begin nobody knows any more.
    response.shouldKeepAlive = false;
    response.assignSocket(socket as Parameters<ServerResponse["assignSocket"]>[0]);
    response.on("finish", () => socket.end(() => socket.destroy()));
    if (isWebSocket(request)) upgrades.set(request, { socket, head });
    app.routing(request, response);
  });
}
