import type { Client, ServiceRoute } from "@shardcast/client";
import type { Log } from "@shardcast/log";
import { callbackTopicsOf, topicsOf } from "@shardcast/protocol";
import { type PersistOptions, persist } from "./persist.ts";

export interface PrepareOptions extends PersistOptions {
  readonly log: Log;
  readonly client: Client;
  readonly topicPrefix: string;
  readonly resultRetentionMs: number;
  /** Whether answers may be called back. */
  readonly callbacks: boolean;
}

/**
 * Makes one service callable, trying until it is: its replies are listened for, and what is recorded of its requests is known.
 * Creates the topics of a service whose lanes are configured, and those that its callbacks need.
 */
export function prepareService(
  service: string,
  { lanes }: ServiceRoute,
  { log, client, topicPrefix: prefix, resultRetentionMs, callbacks, ...trying }: PrepareOptions,
): Promise<void> {
  const specs = [
    ...(lanes === undefined ? [] : Object.values(topicsOf(service, { lanes, prefix, resultRetentionMs }))),
    ...(callbacks ? Object.values(callbackTopicsOf(service, prefix)) : []),
  ];
  return persist(async () => {
    if (specs.length > 0) await log.ensureTopics(specs);
    await client.prepare(service);
    const results = await client.results(service);
    await results.restored;
  }, trying);
}
