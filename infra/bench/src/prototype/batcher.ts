import { setTimeout as sleep } from "node:timers/promises";
import type { Message, Producer } from "kafkajs";

/** One send in flight; what comes meanwhile, and within a fixed wait, goes together in the next one. */
export class Batcher {
  readonly #producer: Producer;
  readonly #topic: string;
  readonly #lingerMs: number;
  #queue: Message[] = [];
  #sending = false;

  constructor(producer: Producer, topic: string, lingerMs: number) {
    this.#producer = producer;
    this.#topic = topic;
    this.#lingerMs = lingerMs;
  }

  add(message: Message): void {
    this.#queue.push(message);
    if (!this.#sending) void this.#send();
  }

  async #send(): Promise<void> {
    this.#sending = true;
    while (this.#queue.length > 0) {
      if (this.#lingerMs > 0) await sleep(this.#lingerMs);
      const messages = this.#queue;
      this.#queue = [];
      await this.#producer.send({ topic: this.#topic, acks: -1, messages });
    }
    this.#sending = false;
  }
}
