import type { AppendRecord } from "@shardcast/log";
import type { ICustomPartitioner, Message, TopicMessages } from "kafkajs";

/** As kafkajs wants them; it keeps the order of what goes to one partition. */
export function toTopicMessages(records: readonly AppendRecord[]): TopicMessages[] {
  const topics = Map.groupBy(records, ({ topic }) => topic);
  return [...topics].map(([topic, each]) => ({ topic, messages: each.map(toMessage) }));
}

function toMessage({ key, value, headers, partition }: AppendRecord): Message {
  return { key, value, partition, headers: headers as NonNullable<Message["headers"]> };
}

/** Every record of ours says where it goes. */
export const toGivenPartition: ICustomPartitioner =
  () =>
  ({ message }) =>
    message.partition as number;
