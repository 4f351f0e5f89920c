import type { Kafka, Producer, ProducerBatch } from "kafkajs";
import type { Link } from "../../src/link.ts";

/** Stands in for kafkajs's transactional producer: notes the requests, and fails or stalls those the test names. */
export class FakeSessionProducer {
  /** `begin`, `offsets 0@5:metadata`, `send topic/0:a topic/0:b`, `commit`, `abort`, in order. */
  readonly requests: string[] = [];
  cut = false;
  disconnected = false;
  /** Called before each request takes effect; throws or waits in its place. */
  intercept: (request: string) => void | Promise<void> = () => {};
  readonly #ends = new Map<string, number>();

  asLink(): Link {
    const producer = {
      connect: () => this.#request("connect"),
      disconnect: async () => {
        this.disconnected = true;
      },
      transaction: async () => {
        await this.#request("begin");
        return {
          sendOffsets: ({ topics }: { topics: { partitions: Offset[] }[] }) => {
            const all = topics.flatMap(({ partitions }) => partitions);
            const each = all.map(({ partition, offset, metadata }) => ` ${partition}@${offset}:${metadata}`);
            return this.#request(`offsets${each.join("")}`);
          },
          sendBatch: (batch: ProducerBatch) => this.#send(batch),
          commit: () => this.#request("commit"),
          abort: () => this.#request("abort"),
        };
      },
    };
    return {
      kafka: {
        producer: () => producer as unknown as Producer,
        [Symbol("private:Kafka:createCluster")]: () => ({}),
      } as unknown as Kafka,
      cut: () => {
        this.cut = true;
      },
    };
  }

  async #send({ topicMessages = [] }: ProducerBatch) {
    const places = topicMessages.flatMap(({ topic, messages }) =>
      messages.map(({ partition, value }) => ({ topic, partition: partition ?? -1, value })),
    );
    const texts = places.map(({ topic, partition, value }) => `${topic}/${partition}:${value?.slice(0, 8)}`);
    await this.#request(`send ${texts.join(" ")}`);
    // Kafkajs leaves out without a word what goes to a partition that it does not know.
    const known = Map.groupBy(
      places.filter(({ partition }) => partition < 4),
      ({ topic, partition }) => `${topic}/${partition}`,
    );
    return [...known].map(([address, { length }]) => {
      const base = this.#ends.get(address) ?? 0;
      this.#ends.set(address, base + length);
      const [topicName = "", partition] = address.split("/");
      return { topicName, partition: Number(partition), errorCode: 0, baseOffset: String(base) };
    });
  }

  async #request(request: string): Promise<void> {
    this.requests.push(request);
    await this.intercept(request);
  }
}

interface Offset {
  readonly partition: number;
  readonly offset: string;
  readonly metadata: string;
}
