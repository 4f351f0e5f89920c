import type { Producer } from "kafkajs";
import { nowMs } from "../clock.ts";
import type { Ground } from "../cluster.ts";
import { bareKafka, createTopics, DURABLE } from "../kafka.ts";
import { Child, type ChildMessage } from "../processes/child.ts";
import type { Resources } from "../resources.ts";

interface Handled {
  readonly partition: number;
  readonly sentMs: number;
  readonly atMs: number;
}

interface Consumer {
  readonly child: Child;
  partitions: readonly number[];
}

const CONSUMERS = 3;
const PROBE_MS = 10;
/** kafkajs's session timeout is 30 s, its time for a rebalance 60 s. */
const LIMIT_MS = 150_000;
const SCRIPT = import.meta.resolve("../processes/group-consumer.ts");

/** Three consumers of one group over three partitions, what most do today: who owns a partition is the broker's to say. */
export class OrdinaryGroup {
  readonly #ground: Ground;
  readonly #topic: string;
  readonly #producer: Producer;
  readonly #consumers: Consumer[] = [];
  readonly #waiting = new Set<(handled?: Handled) => void>();

  private constructor(ground: Ground, topic: string, producer: Producer) {
    this.#ground = ground;
    this.#topic = topic;
    this.#producer = producer;
  }

  /** Resolves when each consumer has its partition. */
  static async start(ground: Ground): Promise<OrdinaryGroup> {
    const { brokers, prefix, resources } = ground;
    const topic = `${prefix}ordinary`;
    await createTopics(brokers, { [topic]: CONSUMERS });
    const producer = bareKafka("ordinary-producer", [...brokers]).producer(DURABLE);
    await producer.connect();
    resources.add({ stop: () => producer.disconnect() });
    const group = new OrdinaryGroup(ground, topic, producer);
    for (let i = 0; i < CONSUMERS; i++) group.#consumers.push(group.#consumer(i, resources));
    await group.#settled();
    return group;
  }

  /** SIGKILL of one, and a new process at once: resolves to when anybody handled a record of its partition sent since. */
  async crash(run: number): Promise<number> {
    const index = run % CONSUMERS;
    const victim = this.#consumers[index];
    const partition = victim?.partitions[0];
    if (victim === undefined || partition === undefined)
      throw new Error("the consumer to be hit has no partition");
    const probing = setInterval(() => {
      const messages = [{ value: String(nowMs()), partition }];
      this.#producer.send({ topic: this.#topic, acks: -1, messages }).catch(() => {}); // the next one comes soon
    }, PROBE_MS);
    try {
      await this.#handled(partition, nowMs());
      const atMs = nowMs();
      await victim.child.end("SIGKILL");
      this.#consumers[index] = this.#consumer(index, this.#ground.resources);
      const servedMs = (await this.#handled(partition, atMs)) - atMs;
      await this.#settled();
      return servedMs;
    } finally {
      clearInterval(probing);
    }
  }

  #consumer(index: number, resources: Resources): Consumer {
    const env = { SHARDCAST_KAFKA_BROKERS: this.#ground.brokers.join(","), GROUP_TOPIC: this.#topic };
    const onMessage = (message: ChildMessage) => {
      if (message.kind === "assigned") consumer.partitions = message.partitions as number[];
      for (const look of this.#waiting) {
        look(message.kind === "handled" ? (message as unknown as Handled) : undefined);
      }
    };
    const child = resources.add(new Child(`ordinary consumer ${index}`, SCRIPT, { env, onMessage }));
    const consumer: Consumer = { child, partitions: [] };
    return consumer;
  }

  async #settled(): Promise<void> {
    await this.#until("one partition each", () =>
      this.#consumers.every(({ partitions }) => partitions.length === 1) ? true : undefined,
    );
  }

  /** When the first record of a partition that was sent after a time was handled. */
  async #handled(wanted: number, afterMs: number): Promise<number> {
    return await this.#until(`record of partition ${wanted}`, (handled) =>
      handled?.partition === wanted && handled.sentMs >= afterMs ? handled.atMs : undefined,
    );
  }

  /** Resolves to what is found, looked for at once and at each message of a consumer. */
  async #until<T>(what: string, find: (handled?: Handled) => T | undefined): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    const look = (handled?: Handled) => {
      const found = find(handled);
      if (found !== undefined) resolve(found);
    };
    this.#waiting.add(look);
    look();
    try {
      return await Promise.race(this.#consumers.map(({ child }) => child.within(promise, what, LIMIT_MS)));
    } finally {
      this.#waiting.delete(look);
    }
  }
}
