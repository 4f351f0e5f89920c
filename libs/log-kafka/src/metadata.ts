import { ShardcastError } from "@shardcast/protocol";
import type { AdminClient } from "./admin-client.ts";
import { classify, toShardcastError } from "./classify.ts";

/** What a topic looks like to this process: its number of partitions and who leads each. */
interface TopicMetadata {
  /** Leader's node id by partition. */
  readonly leaders: ReadonlyMap<number, number>;
}

/** Leaders change rarely, and a stale one costs only a detour inside kafkajs; so what is known is kept until a failure. */
export class Metadata {
  readonly #admin: AdminClient;
  readonly #topics = new Map<string, TopicMetadata>();
  readonly #loading = new Map<string, Promise<TopicMetadata | undefined>>();

  constructor(admin: AdminClient) {
    this.#admin = admin;
  }

  /** Number of partitions, undefined when there is no such topic. Always asks the broker. */
  async partitionsOf(topic: string): Promise<number | undefined> {
    return (await this.#load(topic))?.leaders.size;
  }

  /** The leader's node id, at once where it is known. Throws SHARDCAST_LOG_REFUSED for a topic or partition that is not. */
  leaderOf(topic: string, partition: number): number | Promise<number> {
    const known = this.#topics.get(topic)?.leaders.get(partition);
    return known ?? this.#findLeader(topic, partition);
  }

  forget(): void {
    this.#topics.clear();
  }

  async #findLeader(topic: string, partition: number): Promise<number> {
    const leader = (await this.#load(topic))?.leaders.get(partition);
    if (leader === undefined) {
      throw new ShardcastError(
        "SHARDCAST_LOG_REFUSED",
        `append: there is no partition ${partition} of topic ${topic}`,
      );
    }
    return leader;
  }

  #load(topic: string): Promise<TopicMetadata | undefined> {
    const known = this.#loading.get(topic);
    if (known !== undefined) return known;
    const loading = this.#ask(topic).finally(() => this.#loading.delete(topic));
    this.#loading.set(topic, loading);
    return loading;
  }

  async #ask(topic: string): Promise<TopicMetadata | undefined> {
    try {
      const { topics } = await this.#admin.call("metadata", (admin) =>
        admin.fetchTopicMetadata({ topics: [topic] }),
      );
      const leaders = new Map((topics[0]?.partitions ?? []).map((each) => [each.partitionId, each.leader]));
      this.#topics.set(topic, { leaders });
      return { leaders };
    } catch (error) {
      if (classify(error) === "unknown-topic") return undefined;
      throw toShardcastError(error, `metadata of ${topic}`);
    }
  }
}
