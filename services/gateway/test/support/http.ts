import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { connect, type Socket } from "node:net";
import type { Problem } from "@shardcast/protocol";
import { onTestFinished } from "vitest";
import type { Gateway } from "../../src/index.ts";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface CallOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
}

/** One HTTP call with the path exactly as given, and no header of its own but Host. */
export function call(gateway: Gateway, path: string, options: CallOptions = {}): Promise<Answer> {
  const { method = "POST", headers = {}, body, agent, signal } = options;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: "127.0.0.1",
        port: gateway.port,
        path,
        method,
        headers,
        agent: agent ?? false,
        ...(signal === undefined ? {} : { signal }),
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("end", () =>
          resolve({
            status: incoming.statusCode as number,
            headers: incoming.headers,
            body: Buffer.concat(chunks),
          }),
        );
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** One connection, kept alive between calls. */
export function keepAlive(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  return agent;
}

/** The problem document of an answer, checked to be one. */
export function problemOf({ status, headers, body }: Answer): Problem {
  if (headers["content-type"] !== "application/problem+json") {
    throw new Error(`not a problem: ${status} ${headers["content-type"]} ${body}`);
  }
  const problem = JSON.parse(body.toString()) as Problem;
  if (problem.status !== status) throw new Error(`status ${status}, but the document says ${problem.status}`);
  return problem;
}

/** A raw connection; `text()` resolves to all that was received when the gateway has closed it. */
export async function rawConnection(
  gateway: Gateway,
): Promise<{ socket: Socket; text: () => Promise<string> }> {
  const socket = connect({ host: "127.0.0.1", port: gateway.port });
  onTestFinished(() => {
    socket.destroy();
  });
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  const closed = new Promise<void>((resolve) => {
    socket.on("close", () => resolve());
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => {
    socket.once("connect", () => resolve());
  });
  return {
    socket,
    text: async () => {
      await closed;
      return Buffer.concat(chunks).toString();
    },
  };
}

/** The problem in the last response of a raw connection. */
export function rawProblem(text: string): Problem {
  const head = text.slice(0, text.lastIndexOf("\r\n\r\n"));
  if (!/content-type: application\/problem\+json/i.test(head)) throw new Error(`not a problem: ${text}`);
  return JSON.parse(text.slice(text.lastIndexOf("\r\n\r\n"))) as Problem;
}
