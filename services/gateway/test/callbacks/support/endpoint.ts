import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** A POST as the receiver of callbacks got it. */
export interface Received {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The address of ours that was called. */
  readonly at: string | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface Endpoint {
  readonly port: number;
  readonly received: readonly Received[];
  /** Resolves to the n-th POST, counted from 1, when it came. */
  arrived(count: number): Promise<Received>;
}

/** A receiver on a free port of all loopback addresses (or the one given), answering by a function; undefined for no answer. */
export async function startEndpoint(
  answer: (received: Received, count: number) => Answer | undefined | Promise<Answer | undefined>,
  { host = "0.0.0.0", port = 0 }: { readonly host?: string; readonly port?: number } = {},
): Promise<Endpoint> {
  const received: Received[] = [];
  const waiting: { readonly count: number; readonly resolve: (one: Received) => void }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method, url: path, headers, socket } = request;
    const one = { method, path, headers, body: Buffer.concat(chunks), at: socket.localAddress };
    received.push(one);
    for (const { count, resolve } of waiting) if (count === received.length) resolve(one);
    const answered = await answer(one, received.length);
    if (answered !== undefined) response.writeHead(answered.status, answered.headers).end(answered.body);
  });
  await new Promise<void>((resolve) => {
    server.listen(port, host, resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    received,
    arrived: (count) => {
      const there = received[count - 1];
      if (there !== undefined) return Promise.resolve(there);
      return new Promise((resolve) => waiting.push({ count, resolve }));
    },
  };
}
