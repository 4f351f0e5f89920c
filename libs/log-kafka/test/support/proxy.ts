import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

const PRODUCE = 0;

/** What becomes of the answer to a Produce request, which itself always arrives. */
export type Fate = "pass" | "cut" | "withhold";

/** Stands between the driver and a broker, and loses answers to Produce requests on command. */
export class KafkaProxy {
  /** Decided when the answer comes. */
  fate: Fate = "pass";
  lost = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, brokerPort: number) {
    this.#server = server;
    server.on("connection", (client) => this.#connect(client, connect(brokerPort, "127.0.0.1")));
  }

  static async listen(port: number, brokerPort: number): Promise<KafkaProxy> {
    const server = createServer();
    const proxy = new KafkaProxy(server, brokerPort);
    await once(server.listen(port, "127.0.0.1"), "listening");
    return proxy;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #connect(client: Socket, broker: Socket): void {
    const produces = new Set<number>();
    const request = frames((frame) => {
      if (frame.readInt16BE(4) === PRODUCE) produces.add(frame.readInt32BE(8));
      broker.write(frame);
    });
    const answer = frames((frame) => {
      const isProduce = produces.delete(frame.readInt32BE(4));
      if (!isProduce || this.fate === "pass") {
        client.write(frame);
        return;
      }
      this.lost++;
      if (this.fate === "cut") client.destroy();
    });
    client.on("data", request);
    broker.on("data", answer);
    for (const [one, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.#sockets.add(one);
      one.on("error", () => {});
      one.once("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }
}

/** Calls back with each whole frame: four bytes of length, and what they announce. */
function frames(onFrame: (frame: Buffer) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0);
      onFrame(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
  };
}
