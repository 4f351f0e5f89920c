import { ShardcastError } from "@shardcast/protocol";
import type { Kafka } from "kafkajs";
import { bounded } from "./bounded.ts";
import type { Link, OpenLink } from "./link.ts";

/** What kafkajs's admin, producer and consumer have in common. */
interface Client {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
}

interface Held<C> {
  readonly link: Link;
  readonly client: C;
  readonly connected: Promise<C>;
}

const DISCONNECT_TIMEOUT_MS = 2_000;

/** Holds one connected client of kafkajs on a link of its own, and replaces it after a failure. */
export class ClientSlot<C extends Client> {
  readonly #openLink: OpenLink;
  readonly #make: (kafka: Kafka) => C;
  readonly #connectTimeoutMs: number;
  #held: Held<C> | undefined;
  #closed = false;

  constructor(openLink: OpenLink, make: (kafka: Kafka) => C, connectTimeoutMs: number) {
    this.#openLink = openLink;
    this.#make = make;
    this.#connectTimeoutMs = connectTimeoutMs;
  }

  /** The client, connected. After a failed connection the next call begins anew. */
  async get(): Promise<C> {
    if (this.#closed) throw new ShardcastError("SHARDCAST_CLOSED", "the log is closed");
    this.#held ??= this.#connect();
    return this.#held.connected;
  }

  /**
   * Throws the client away and cuts its sockets: nothing of it is sent any more. Its successor, if another caller has
   * replaced it already, stays.
   */
  discard(client: C): void {
    if (this.#held?.client !== client) return;
    this.#held.link.cut();
    this.#held = undefined;
  }

  /**
   * Has the next call begin with a new client, and leaves this one to who uses it still. Returns what cuts it; undefined when
   * another caller has replaced it already.
   */
  retire(client: C): (() => void) | undefined {
    if (this.#held?.client !== client) return undefined;
    const { link } = this.#held;
    this.#held = undefined;
    return () => link.cut();
  }

  /** Leaves in good order where that is quick; from here on there is no client any more. */
  async close(): Promise<void> {
    this.#closed = true;
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) return;
    const leave = held.connected.then((client) => client.disconnect());
    await bounded(leave, DISCONNECT_TIMEOUT_MS, "disconnecting").catch(() => {});
    held.link.cut();
  }

  #connect(): Held<C> {
    const link = this.#openLink();
    const client = this.#make(link.kafka);
    const connected = bounded(client.connect(), this.#connectTimeoutMs, "connecting").then(
      () => client,
      (error: unknown) => {
        if (this.#held?.client === client) this.discard(client);
        else link.cut();
        throw error;
      },
    );
    return { link, client, connected };
  }
}
