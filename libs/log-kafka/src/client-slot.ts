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
  readonly client: Promise<C>;
}

const DISCONNECT_TIMEOUT_MS = 2_000;

/** Holds one connected client of kafkajs on a link of its own, and replaces it after a failure. */
export class ClientSlot<C extends Client> {
  readonly #openLink: OpenLink;
  readonly #make: (kafka: Kafka) => C;
  readonly #connectTimeoutMs: number;
  #held: Held<C> | undefined;

  constructor(openLink: OpenLink, make: (kafka: Kafka) => C, connectTimeoutMs: number) {
    this.#openLink = openLink;
    this.#make = make;
    this.#connectTimeoutMs = connectTimeoutMs;
  }

  /** The client, connected. After a failed connection the next call begins anew. */
  get(): Promise<C> {
    this.#held ??= this.#connect();
    return this.#held.client;
  }

  /** Throws the client away and cuts its sockets: nothing of it is sent any more. */
  discard(): void {
    this.#held?.link.cut();
    this.#held = undefined;
  }

  /** Leaves in good order where that is quick. */
  async close(): Promise<void> {
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) return;
    const leave = held.client.then((client) => client.disconnect());
    await bounded(leave, DISCONNECT_TIMEOUT_MS, "disconnecting").catch(() => {});
    held.link.cut();
  }

  #connect(): Held<C> {
    const link = this.#openLink();
    const client = this.#make(link.kafka);
    const connected = bounded(client.connect(), this.#connectTimeoutMs, "connecting").then(
      () => client,
      (error: unknown) => {
        if (this.#held?.link === link) this.discard();
        else link.cut();
        throw error;
      },
    );
    return { link, client: connected };
  }
}
