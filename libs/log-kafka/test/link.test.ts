import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { linkOpener } from "../src/link.ts";
import { resolveKafkaOptions } from "../src/options.ts";

/** Takes connections and says nothing: a broker that stalls in the middle of a connection. */
let server: Server;
const sockets: Socket[] = [];

beforeEach(async () => {
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.resume();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
});

function openLink() {
  const { port } = server.address() as { port: number };
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: "trace" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const options = resolveKafkaOptions({ brokers: [`127.0.0.1:${port}`], requestTimeoutMs: 60_000 }, {});
  return { ...linkOpener(options, logger)(), lines };
}

test("a cut closes every socket, rejects the requests that wait, and refuses new connections", async () => {
  const { kafka, cut } = openLink();
  const admin = kafka.admin({ retry: { retries: 0 } });
  const waiting = admin.connect().catch((error: Error) => error);
  const [socket] = (await once(server, "connection")) as [Socket];
  await once(socket, "data"); // the first request is on its way, and will have no answer
  const closed = once(socket, "close");
  cut();
  expect(String(await waiting)).toContain("this link was cut");
  await closed;
  await expect(admin.connect()).rejects.toThrow("this link was cut");
  expect(sockets).toHaveLength(1);
});

test("kafkajs's own words go two levels down, and none is louder than debug", async () => {
  const { kafka, cut, lines } = openLink();
  const connecting = kafka
    .admin({ retry: { retries: 0 } })
    .connect()
    .catch(() => {});
  await once(server, "connection");
  cut();
  await connecting;
  expect(new Set(lines.map(({ level }) => level))).toEqual(new Set([10, 20]));
  for (const line of lines) expect(line).toMatchObject({ component: "kafkajs" });
});
