import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** What becomes of what one member and the broker have to say to one another. */
export type LinkState =
  | { readonly kind: "whole" }
  | { readonly kind: "slow"; readonly delayMs: number }
  /** Connections break, and none comes through. */
  | { readonly kind: "cut" }
  /** Connections stay, and nothing comes through. */
  | { readonly kind: "held" };

/** Stands between one member and the broker. */
export class Link {
  readonly port: number;
  readonly #server: Server;
  readonly #ways = new Set<Way>();
  #state: LinkState = { kind: "whole" };

  private constructor(server: Server, port: number, brokerPort: number) {
    this.port = port;
    this.#server = server;
    server.on("connection", (client) => this.#join(client, brokerPort));
  }

  /** Port 0 takes a free one. */
  static async listen(port: number, brokerPort: number): Promise<Link> {
    const server = createServer({ noDelay: true });
    await once(server.listen(port, "127.0.0.1"), "listening");
    return new Link(server, (server.address() as AddressInfo).port, brokerPort);
  }

  set(state: LinkState): void {
    this.#state = state;
    for (const way of [...this.#ways]) way.set(state);
  }

  close(): void {
    this.#server.close();
    for (const way of [...this.#ways]) way.end();
  }

  #join(client: Socket, brokerPort: number): void {
    if (this.#state.kind === "cut") {
      client.on("error", () => {});
      client.resetAndDestroy();
      return;
    }
    const broker = connect({ port: brokerPort, host: "127.0.0.1", noDelay: true });
    const ends = [new Way(client, broker, this.#state), new Way(broker, client, this.#state)];
    for (const way of ends) {
      this.#ways.add(way);
      way.onEnd(() => this.#ways.delete(way));
    }
  }
}

/** One direction of a connection: chunks leave in the order in which they came. */
class Way {
  readonly #from: Socket;
  readonly #to: Socket;
  #state: LinkState;
  #held: Buffer[] = [];
  /** When the last delayed chunk leaves: a shorter delay must not overtake it. */
  #lastMs = 0;

  constructor(from: Socket, to: Socket, state: LinkState) {
    this.#from = from;
    this.#to = to;
    this.#state = state;
    from.on("error", () => {});
    from.on("data", (chunk) => this.#pass(chunk));
    from.once("close", () => to.destroy());
  }

  onEnd(listener: () => void): void {
    this.#from.once("close", listener);
  }

  set(state: LinkState): void {
    this.#state = state;
    if (state.kind === "cut") this.end();
    if (state.kind === "held" || state.kind === "cut") return;
    for (const chunk of this.#held.splice(0)) this.#pass(chunk);
  }

  end(): void {
    this.#from.destroy();
    this.#to.destroy();
  }

  #pass(chunk: Buffer): void {
    if (this.#state.kind === "held") {
      this.#held.push(chunk);
      return;
    }
    const nowMs = performance.now();
    const delayMs = this.#state.kind === "slow" ? this.#state.delayMs : 0;
    this.#lastMs = Math.max(this.#lastMs, nowMs + delayMs);
    if (this.#lastMs <= nowMs) this.#to.write(chunk);
    else setTimeout(() => this.#to.write(chunk), this.#lastMs - nowMs);
  }
}
