import { once } from "node:events";
import { connect } from "node:net";
import { onStop, say } from "./processes/say.ts";

/** A closed loop of GETs on keep-alive connections, each with its key in the path and in a header. */
export interface ProxyPlan {
  readonly service: string;
  /** The callers are spread over them. */
  readonly urls: readonly string[];
  readonly callers: number;
  readonly durationMs: number;
}

const KEYS = 1_000;
const END = "answer\n";

process.on("message", (plan: ProxyPlan) => {
  void run(plan).then((result) => say({ kind: "result", ...result }));
});
process.channel?.ref();
onStop(async () => {});
say({ kind: "ready" });

async function run({ service, urls, callers, durationMs }: ProxyPlan) {
  const samples: number[] = [];
  const examples: string[] = [];
  let sequence = 0;
  let faults = 0;
  const sockets = await Promise.all(
    Array.from({ length: callers }, async (_, i) => {
      const { hostname, port } = new URL(urls[i % urls.length] as string);
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      socket.setEncoding("latin1");
      await once(socket, "connect");
      return socket;
    }),
  );
  const begunMs = performance.now();
  const endMs = begunMs + durationMs;
  await Promise.all(
    sockets.map(async (socket) => {
      let sentMs = 0;
      let received = "";
      const send = () => {
        const key = `key-${(Math.imul(sequence++, 2_654_435_761) >>> 0) % KEYS}`;
        sentMs = performance.now();
        socket.write(
          `GET /v1/${service}/proxy/${key}/item HTTP/1.1\r\nhost: bench\r\nx-key: ${key}\r\n\r\n`,
          "latin1",
        );
      };
      const fault = (what: string) => {
        faults++;
        if (examples.length < 5) examples.push(what);
        socket.destroy();
      };
      socket.on("error", (error) => fault(String(error)));
      socket.on("data", (text: string) => {
        received += text;
        if (!received.startsWith("HTTP/1.1 200 ")) return fault(received.slice(0, 300));
        if (!received.endsWith(END)) return;
        received = "";
        const nowMs = performance.now();
        if (nowMs > endMs) {
          socket.destroy();
          return;
        }
        samples.push(nowMs - sentMs);
        send();
      });
      send();
      await once(socket, "close");
    }),
  );
  return { samples: Float64Array.from(samples), elapsedMs: durationMs, faults, examples };
}
