import type { Client, ServiceRoute } from "@shardcast/client";
import type { Log } from "@shardcast/log";
import { topicsOf } from "@shardcast/protocol";
import { type PersistOptions, persist } from "./persist.ts";

export interface PrepareOptions extends PersistOptions {
  readonly log: Log;
  readonly client: Client;
  readonly topicPrefix: string;
}

/** Makes one service callable, trying until it is. Creates the topics of a service whose lanes are configured. */
export function prepareService(
  service: string,
  { lanes }: ServiceRoute,
  { log, client, topicPrefix: prefix, ...trying }: PrepareOptions,
): Promise<void> {
  const specs = lanes === undefined ? [] : Object.values(topicsOf(service, { lanes, prefix }));
  return persist(async () => {
    if (specs.length > 0) await log.ensureTopics(specs);
    await client.prepare(service);
  }, trying);
}
