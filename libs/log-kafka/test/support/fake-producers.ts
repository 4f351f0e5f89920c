import type { AppendRecord } from "@shardcast/log";
import type { Producer, ProducerBatch, RecordMetadata } from "kafkajs";

/** What one request carried, as `topic/partition:value`. */
export type Request = readonly string[];

/** Stands in for a ClientSlot of producers and the broker behind it: keeps what is sent until the test answers. */
export class FakeProducers {
  readonly requests: Request[] = [];
  /** Producer of each request, counted from 0. */
  readonly producerOf: number[] = [];
  discarded = 0;
  /** Answers each request; by default confirms it at once. */
  answer: (request: Request, confirm: () => RecordMetadata[]) => Promise<RecordMetadata[]> = async (
    _,
    confirm,
  ) => confirm();
  connect: () => Promise<void> = async () => {};
  readonly #offsets = new Map<string, number>();
  #current: Producer | undefined;

  async get(): Promise<Producer> {
    await this.connect();
    this.#current ??= this.#make();
    return this.#current;
  }

  discard(producer: Producer): void {
    if (producer !== this.#current) return;
    this.discarded++;
    this.#current = undefined;
  }

  #make(): Producer {
    const number = this.discarded;
    const sendBatch = (batch: ProducerBatch) => {
      const request = (batch.topicMessages ?? []).flatMap(({ topic, messages }) =>
        messages.map(({ partition, value }) => `${topic}/${partition}:${value}`),
      );
      this.requests.push(request);
      this.producerOf.push(number);
      return this.answer(request, () => this.#confirm(request));
    };
    return { sendBatch } as unknown as Producer;
  }

  #confirm(request: Request): RecordMetadata[] {
    const byAddress = Map.groupBy(request, (each) => each.slice(0, each.indexOf(":")));
    return [...byAddress].map(([address, records]) => {
      const [topicName = "", partition] = address.split("/");
      const baseOffset = this.#offsets.get(address) ?? 0;
      this.#offsets.set(address, baseOffset + records.length);
      return { topicName, partition: Number(partition), errorCode: 0, baseOffset: String(baseOffset) };
    });
  }
}

export function recordOf(topic: string, partition: number, text: string): AppendRecord {
  return { topic, partition, key: null, value: Buffer.from(text), headers: {} };
}

/** An error as the broker's answer makes kafkajs throw it. */
export function protocolError(type: string, message = type): Error {
  return Object.assign(new Error(message), { name: "KafkaJSProtocolError", type });
}
