import type { TopicSpec } from "@shardcast/protocol";
import type { JsonObject } from "../documents/json.ts";

const BINDING_VERSION = "0.5.0";

/** A topic with the messages that lie there. */
export function channel(
  { name, cleanup, retentionMs }: TopicSpec,
  description: string,
  messages: readonly string[],
  partitions?: number,
): JsonObject {
  return {
    address: name,
    description,
    messages: Object.fromEntries(messages.map((each) => [each, { $ref: `#/components/messages/${each}` }])),
    bindings: {
      kafka: {
        topic: name,
        ...(partitions === undefined ? {} : { partitions }),
        topicConfiguration: {
          "cleanup.policy": cleanup.split(","),
          ...(retentionMs === undefined ? {} : { "retention.ms": retentionMs }),
        },
        bindingVersion: BINDING_VERSION,
      },
    },
  };
}

/** Messages of a channel, for an operation. */
export function messagesIn(channelName: string, messages: readonly string[]): JsonObject {
  return {
    channel: { $ref: `#/channels/${channelName}` },
    messages: messages.map((each) => ({ $ref: `#/channels/${channelName}/messages/${each}` })),
  };
}
