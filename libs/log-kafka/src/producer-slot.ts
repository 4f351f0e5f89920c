import type { Kafka, Producer } from "kafkajs";
import { RETRY } from "./kafkajs.ts";

/**
 * Holds one connected idempotent producer, and replaces it after a failure.
 *
 * Why replace: kafkajs gives a failed batch's sequence numbers to the next one. Had the broker written the failed
 * batch although its answer was lost, it would take the next one for a repetition and drop it while confirming it: an
 * accepted request would be lost (C3). A new producer has a new id, so nothing it sends is ever taken for a repetition.
 */
export class ProducerSlot {
  readonly #kafka: Kafka;
  readonly #attempts: number;
  #current: Promise<Producer> | undefined;

  constructor(kafka: Kafka, attempts: number) {
    this.#kafka = kafka;
    this.#attempts = attempts;
  }

  /** The producer, connected. A failed connection is tried again by the next call. */
  get(): Promise<Producer> {
    this.#current ??= this.#connect();
    return this.#current;
  }

  /** Throws the producer away; what it still had in the air may or may not reach the log. */
  discard(): void {
    const current = this.#current;
    this.#current = undefined;
    // Not awaited: leaving waits for answers that may never come.
    current?.then((producer) => producer.disconnect()).catch(() => {});
  }

  async close(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    await current?.then((producer) => producer.disconnect()).catch(() => {});
  }

  async #connect(): Promise<Producer> {
    const producer = this.#kafka.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition as number,
      retry: { ...RETRY, retries: this.#attempts - 1 },
    });
    try {
      await producer.connect();
    } catch (error) {
      this.#current = undefined;
      producer.disconnect().catch(() => {});
      throw error;
    }
    return producer;
  }
}
