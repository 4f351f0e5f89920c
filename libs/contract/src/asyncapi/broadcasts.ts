import { broadcastTopicsOf } from "@shardcast/protocol";
import type { JsonObject } from "../documents/json.ts";
import type { UniqueNames } from "../documents/unique-names.ts";
import type { BroadcastMessages } from "./broadcast-messages.ts";
import { channel, messagesIn } from "./channel.ts";

export function broadcastChannels(service: string, prefix: string, messages: BroadcastMessages): JsonObject {
  const { broadcast, acks } = broadcastTopicsOf(service, { prefix });
  const { broadcasts, cancel, ack, gone, closed, joined } = messages;
  return {
    broadcast: channel(
      broadcast,
      "What every replica is told, also those that are down meanwhile (C6).",
      [...broadcasts.map(({ message }) => message), cancel],
      broadcast.partitions,
    ),
    acks: channel(
      acks,
      "Which replicas have acted on what they were told (C6); the id of a broadcast says its partition.",
      [ack, gone, closed, joined],
      acks.partitions,
    ),
  };
}

/** What the workers do with broadcasts; a gateway speaks for those that can not. */
export function broadcastOperations(
  { broadcasts, cancel, ack, gone, closed, joined }: BroadcastMessages,
  names: UniqueNames,
): JsonObject {
  const operations: Record<string, JsonObject> = {};
  for (const { broadcast, description, message } of broadcasts) {
    operations[names.take(`${broadcast}_broadcast`)] = {
      action: "receive",
      summary: broadcast,
      ...(description === undefined ? {} : { description }),
      ...messagesIn("broadcast", [message]),
      reply: messagesIn("acks", [ack]),
    };
  }
  operations[names.take("cancelBroadcast")] = { action: "receive", ...messagesIn("broadcast", [cancel]) };
  operations[names.take("acknowledge")] = { action: "send", ...messagesIn("acks", [ack, joined]) };
  operations[names.take("closeBroadcast")] = { action: "send", ...messagesIn("acks", [gone, closed]) };
  return operations;
}
