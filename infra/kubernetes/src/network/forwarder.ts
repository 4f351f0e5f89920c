import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

export interface Destination {
  readonly host: string;
  readonly port: number;
}

/** One port of one Service: who connects is connected to the destination that is chosen then, or refused without one. */
export class Forwarder {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  readonly #choose: () => Destination | undefined;

  private constructor(choose: () => Destination | undefined) {
    this.#choose = choose;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#forward(client));
  }

  /** Rejects when it can not listen there. */
  static async listen(at: Destination, choose: () => Destination | undefined): Promise<Forwarder> {
    const forwarder = new Forwarder(choose);
    forwarder.#server.listen(at.port, at.host);
    await once(forwarder.#server, "listening");
    return forwarder;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
    await closed;
  }

  #forward(client: Socket): void {
    const destination = this.#choose();
    if (destination === undefined) {
      client.on("error", () => {}).resetAndDestroy();
      return;
    }
    const server = connect({ ...destination, allowHalfOpen: true, noDelay: true });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#open.add(one);
      one.pipe(other);
      // A broken connection is broken on both sides, as if they were one.
      one.on("error", () => other.resetAndDestroy());
      one.on("close", () => {
        this.#open.delete(one);
        if (!one.readableEnded) other.destroy();
      });
    }
  }
}
