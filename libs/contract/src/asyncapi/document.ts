import { REPLY_PARTITIONS, topicsOf } from "@shardcast/protocol";
import type { Contract } from "../contract.ts";
import type { Json, JsonObject } from "../documents/json.ts";
import { Schemas } from "../documents/schemas.ts";
import { UniqueNames } from "../documents/unique-names.ts";
import { broadcastChannels, broadcastOperations } from "./broadcasts.ts";
import { channel, messagesIn } from "./channel.ts";
import { type Messages, messagesOf } from "./messages.ts";

/** AsyncAPI's own schemas are a superset of it. */
const TARGET = "draft-07";

export interface AsyncApiOptions {
  /** Put before every topic's name; as the workers' one. Default none. */
  readonly topicPrefix?: string;
  /** `host:port` of each. */
  readonly brokers?: readonly string[];
  /** Of the service. Default `0.0.0`. */
  readonly version?: string;
  /** Default: the service's name. */
  readonly title?: string;
}

/**
 * The AsyncAPI 3.0 document of a service: its topics and what its workers take from them and put there. JSON values only.
 * Those of broadcasts are in it where the contract declares some (C6).
 */
export function asyncApi(contract: Contract, options: AsyncApiOptions = {}): Record<string, Json> {
  const { service, description } = contract;
  const { topicPrefix = "", brokers = [], version = "0.0.0", title = service } = options;
  const schemas = new Schemas(TARGET);
  const messages = messagesOf(contract, schemas);
  return {
    asyncapi: "3.0.0",
    info: { title, version, ...(description === undefined ? {} : { description }) },
    defaultContentType: "application/json",
    ...(brokers.length === 0 ? {} : { servers: serversOf(brokers) }),
    channels: channelsOf(service, topicPrefix, messages),
    operations: operationsOf(messages),
    components: { schemas: schemas.all(), messages: messages.all },
  };
}

function serversOf(brokers: readonly string[]): JsonObject {
  return Object.fromEntries(brokers.map((host, i) => [`broker${i + 1}`, { host, protocol: "kafka" }]));
}

function channelsOf(service: string, prefix: string, messages: Messages): JsonObject {
  // How many lanes there are is for whoever runs the service to choose; the contract does not say.
  const { requests, replies, results, dead, control } = topicsOf(service, { lanes: 1, prefix });
  const { handlers, cancel, problem, fence, progress, result } = messages;
  return {
    requests: channel(
      requests,
      "Requests by shard key: a partition is a lane, and a lane is handled in order (C1).",
      [...handlers.map(({ request }) => request), cancel],
    ),
    replies: channel(
      replies,
      "Answers to those who wait (C4).",
      [...handlers.flatMap((handler) => handler.replies), problem, fence],
      REPLY_PARTITIONS,
    ),
    results: channel(results, "What came of recorded requests (C3, C5); partitions as the requests.", [
      progress,
      result,
    ]),
    dead: channel(dead, "Requests that were given up (C9); partitions as the requests.", [
      messages.dead,
      messages.redriven,
    ]),
    control: channel(control, "Who owns which lane (C2).", [messages.control], 1),
    ...(messages.broadcasts === undefined ? {} : broadcastChannels(service, prefix, messages.broadcasts)),
  };
}

/** What the workers do, and the gateways in the service's name. */
function operationsOf(messages: Messages): JsonObject {
  const names = new UniqueNames();
  const operations: Record<string, JsonObject> = {};
  for (const { handler, description, request, replies } of messages.handlers) {
    operations[names.take(handler)] = {
      action: "receive",
      summary: handler,
      ...(description === undefined ? {} : { description }),
      ...messagesIn("requests", [request]),
      reply: messagesIn("replies", [...replies, messages.problem]),
    };
  }
  if (messages.broadcasts !== undefined) {
    Object.assign(operations, broadcastOperations(messages.broadcasts, names));
  }
  const { cancel, fence, progress, result, dead, redriven, control } = messages;
  const others: readonly [string, "receive" | "send", string, readonly string[]][] = [
    ["cancel", "receive", "requests", [cancel]],
    ["fenceReplies", "send", "replies", [fence]],
    ["recordResult", "send", "results", [progress, result]],
    ["followResults", "receive", "results", [progress, result]],
    ["deadLetter", "send", "dead", [dead]],
    ["redrive", "send", "dead", [redriven]],
    ["claim", "send", "control", [control]],
    ["followControl", "receive", "control", [control]],
  ];
  for (const [name, action, channelName, its] of others) {
    operations[names.take(name)] = { action, ...messagesIn(channelName, its) };
  }
  return operations;
}
