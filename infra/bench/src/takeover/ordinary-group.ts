import { nowMs } from "../clock.ts";
import type { Ground } from "../cluster.ts";
import { createTopics } from "../kafka.ts";
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
/** kafkajs's session timeout is 30 s, its time for a rebalance 60 s. */
const LIMIT_MS = 150_000;
const CONSUMER = import.meta.resolve("../processes/group-consumer.ts");
const PROBER = import.meta.resolve("../processes/group-prober.ts");

/** Three consumers of one group over three partitions, what most do today: who owns a partition is the broker's to say. */
export class OrdinaryGroup {
  readonly #resources: Resources;
  readonly #env: Readonly<Record<string, string>>;
  readonly #prober: Child;
  readonly #consumers: Consumer[] = [];
  readonly #waiting = new Set<(handled?: Handled) => void>();

  private constructor(resources: Resources, env: Readonly<Record<string, string>>) {
    this.#resources = resources;
    this.#env = env;
    this.#prober = resources.add(new Child("group prober", PROBER, { env }));
  }

  /** Resolves when each consumer has its partition. */
  static async start({ brokers, prefix, resources }: Ground): Promise<OrdinaryGroup> {
    const topic = `${prefix}ordinary`;
    await createTopics(brokers, { [topic]: CONSUMERS });
    const env = { SHARDCAST_KAFKA_BROKERS: brokers.join(","), GROUP_TOPIC: topic };
    const group = new OrdinaryGroup(resources, env);
    for (let i = 0; i < CONSUMERS; i++) group.#consumers.push(group.#consumer(i));
    await Promise.all([group.#prober.message("ready"), group.#settled()]);
    return group;
  }

  /** SIGKILL of one, and a new process at once: resolves to how long nobody handled a record of its partition sent since. */
  async crash(run: number): Promise<number> {
    const index = run % CONSUMERS;
    const victim = this.#consumers[index];
    const partition = victim?.partitions[0];
    if (victim === undefined || partition === undefined)
      throw new Error("the consumer to be hit has no partition");
    this.#prober.send({ partition });
    await this.#handled(partition, nowMs());
    const atMs = nowMs();
    await victim.child.end("SIGKILL");
    this.#consumers[index] = this.#consumer(index);
    const servedMs = (await this.#handled(partition, atMs)) - atMs;
    await this.#settled();
    return servedMs;
  }

  #consumer(index: number): Consumer {
    const onMessage = (message: ChildMessage) => {
      if (message.kind === "assigned") consumer.partitions = message.partitions as number[];
      for (const look of this.#waiting) {
        look(message.kind === "handled" ? (message as unknown as Handled) : undefined);
      }
    };
    const child = this.#resources.add(
      new Child(`ordinary consumer ${index}`, CONSUMER, { env: this.#env, onMessage }),
    );
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
