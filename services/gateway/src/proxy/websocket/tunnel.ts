import type { Duplex } from "node:stream";
import { Frames, goingAway } from "./frames.ts";

/** For the others to close as well, after we have said that we go. */
const LEAVE_MS = 1_000;

/** One direction: bytes as they come, no faster than they are taken (C7). */
class Direction {
  readonly #to: Duplex;
  readonly #toServer: boolean;
  readonly #frames = new Frames();
  #state: "open" | "closing" | "closed" = "open";

  constructor(from: Duplex, to: Duplex, toServer: boolean, head: Buffer) {
    this.#to = to;
    this.#toServer = toServer;
    if (head.byteLength > 0) this.#pass(from, head);
    from.on("data", (chunk: Buffer) => this.#pass(from, chunk));
    from.on("end", () => to.end());
    from.on("error", () => to.destroy());
    from.on("close", () => to.end());
  }

  /** Says that we go, where a frame may stand; what comes after it is dropped. */
  close(): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    if (this.#frames.between) this.#end();
  }

  #pass(from: Duplex, chunk: Buffer): void {
    if (this.#state === "closed") return;
    const ended = this.#frames.push(chunk);
    if (this.#state === "closing" && ended !== -1) {
      this.#to.write(chunk.subarray(0, ended));
      this.#end();
      return;
    }
    if (!this.#to.write(chunk)) {
      from.pause();
      this.#to.once("drain", () => from.resume());
    }
  }

  #end(): void {
    this.#state = "closed";
    this.#to.end(goingAway(this.#toServer));
  }
}

/** A WebSocket between a caller and an owner, passed on byte by byte: frames, subprotocols and extensions are theirs. */
export class Tunnel {
  readonly #sockets: readonly [Duplex, Duplex];
  readonly #directions: readonly [Direction, Direction];

  /** @param heads what came with the handshake, of the caller and of the owner */
  constructor(caller: Duplex, owner: Duplex, heads: readonly [Buffer, Buffer]) {
    this.#sockets = [caller, owner];
    this.#directions = [
      new Direction(caller, owner, true, heads[0]),
      new Direction(owner, caller, false, heads[1]),
    ];
  }

  /** Tells both that we go (1001), and cuts whoever does not close then. */
  close(): void {
    for (const direction of this.#directions) direction.close();
    const cut = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, LEAVE_MS);
    let open = this.#sockets.length;
    for (const socket of this.#sockets)
      socket.once("close", () => {
        if (--open === 0) clearTimeout(cut);
      });
  }
}
