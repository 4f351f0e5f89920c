import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** What the application was asked. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface App {
  readonly url: string;
  readonly asked: Asked[];
  /** How it answers from now on. Default: 204. */
  answer: (response: ServerResponse, asked: Asked) => void;
  /** Refuses connections from now on, and cuts those it has. */
  close(): Promise<void>;
}

/** An application that speaks nothing but HTTP, on a port of its own. */
export async function startApp(port = 0): Promise<App> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = "", url = "", headers } = request;
    const asked = { method, path: url, headers, body: Buffer.concat(chunks).toString() };
    app.asked.push(asked);
    app.answer(response, asked);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");

  async function close(): Promise<void> {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  }
  onTestFinished(close);
  const app: App = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    answer: (response) => void response.writeHead(204).end(),
    close,
  };
  return app;
}

/** Cuts the connection, as a process does that dies half-way. */
export const breaking: App["answer"] = (response) => void response.socket?.destroy();

/** Answers with this status and these headers. */
export function answering(
  status: number,
  headers: Readonly<Record<string, string | string[]>> = {},
  body: string | Buffer = "",
): App["answer"] {
  return (response) => void response.writeHead(status, headers).end(body);
}
