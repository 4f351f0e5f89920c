import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { onTestFinished } from "vitest";
import type { Answer } from "../../support/http.ts";

/** What an owner was asked, as it answers it. */
export interface Seen {
  readonly owner: string;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Owner {
  readonly url: string;
  readonly server: Server;
  /** Requests that came, also those that were not answered. */
  readonly requests: readonly string[];
  /** Connections that were made. */
  readonly connections: () => number;
  close(): Promise<void>;
}

/** An application that listens: by default it answers with what it was asked. */
export async function startOwner(
  name = "owner",
  listener: RequestListener = echoAs(name),
  port = 0,
): Promise<Owner> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    listener(request, response);
  });
  server.on("connection", (socket) => {
    connections++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  onTestFinished(() => (server.listening ? close() : undefined));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, server, requests, connections: () => connections, close };
}

export function echoAs(owner: string): RequestListener {
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method, url, headers } = request;
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ owner, method, url, headers, body: Buffer.concat(chunks).toString() }));
    });
  };
}

export function seenIn({ status, headers, body }: Answer): Seen {
  if (status !== 200 || headers["content-type"] !== "application/json")
    throw new Error(`not from an owner: ${status} ${body}`);
  return JSON.parse(body.toString()) as Seen;
}
