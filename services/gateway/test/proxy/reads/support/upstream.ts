import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

export interface Asked {
  /** As it was sent, with the empty line. */
  readonly text: string;
  readonly path: string;
  /** Which of the connections, from 0. */
  readonly connection: number;
  readonly socket: Socket;
}

export interface Upstream {
  readonly url: string;
  readonly port: number;
  readonly asked: readonly Asked[];
  /** All that were made. */
  readonly connections: readonly Socket[];
  /** Those that are open. */
  readonly open: () => number;
  /** When so many requests have come. */
  requests(count: number): Promise<void>;
  close(): Promise<void>;
}

/** Takes requests without a body, and answers with bytes. */
export async function startUpstream(
  answer: (asked: Asked) => void = () => {},
  host = "127.0.0.1",
): Promise<Upstream> {
  const asked: Asked[] = [];
  const connections: Socket[] = [];
  const open = new Set<Socket>();
  let told = () => {};
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const connection = connections.push(socket) - 1;
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      for (let end = text.indexOf("\r\n\r\n"); end !== -1; end = text.indexOf("\r\n\r\n")) {
        const [, path = ""] = text.split(" ", 2);
        const each = { text: text.slice(0, end + 4), path, connection, socket };
        text = text.slice(end + 4);
        asked.push(each);
        answer(each);
      }
      told();
    });
  });
  server.listen(0, host);
  await once(server, "listening");
  const close = async () => {
    for (const socket of open) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, "close");
  };
  onTestFinished(close);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    port,
    asked,
    connections,
    open: () => open.size,
    requests: (count) =>
      new Promise((resolve) => {
        told = () => {
          if (asked.length >= count) resolve();
        };
        told();
      }),
    close,
  };
}

/** An answer with a length. */
export function sized(body: string, fields = ""): string {
  return `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n${fields}\r\n${body}`;
}

/** Resolves when the connection is gone. */
export async function closed(socket: Socket | undefined): Promise<void> {
  if (socket === undefined) throw new Error("no such connection");
  if (!socket.destroyed) await once(socket, "close");
}
