import type { Socket } from "node:net";
import type { Gateway } from "../../src/index.ts";
import { type Answer, rawConnection } from "./http.ts";

export interface Event {
  /** NaN for an event without. */
  readonly id: number;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

export function parseEvents(text: string): Event[] {
  return [...text.matchAll(/(?:id: (\d+)\n)?event: (.*)\ndata: (.*)\n\n/g)].map(
    ([, id, event = "", data = ""]) => ({
      id: Number(id),
      event,
      data: JSON.parse(data),
    }),
  );
}

export const eventsOf = ({ body }: Answer) => parseEvents(body.toString());

/** Without what says how long each chunk is. */
export function unchunked(text: string): string {
  return text.replaceAll(/\r\n[0-9a-f]+\r\n/g, "");
}

export interface Stream {
  readonly socket: Socket;
  /** All of it, once it has ended. */
  text(): Promise<string>;
  /** What has come so far. */
  readonly seen: { readonly text: string };
}

/** A stream that is being read. */
export async function stream(
  gateway: Gateway,
  path: string,
  { method = "GET", headers = {} }: { method?: string; headers?: Readonly<Record<string, string>> } = {},
): Promise<Stream> {
  const { socket, text } = await rawConnection(gateway);
  const seen = { text: "" };
  socket.on("data", (chunk) => {
    seen.text += chunk;
  });
  const sent = { host: "x", accept: "text/event-stream", ...headers };
  const lines = Object.entries(sent).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  return { socket, text, seen };
}
