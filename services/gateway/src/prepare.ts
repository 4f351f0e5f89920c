import type { Client, ServiceRoute } from "@shardcast/client";
import type { Log } from "@shardcast/log";
import { broadcastTopicsOf, callbackTopicsOf, type ShardcastError, topicsOf } from "@shardcast/protocol";
import type { Logger } from "pino";
import { bounded } from "./bounded.ts";
import { type PersistOptions, persist } from "./persist.ts";

export interface PrepareOptions extends PersistOptions {
  readonly log: Log;
  readonly client: Client;
  readonly topicPrefix: string;
  readonly resultRetentionMs: number;
  /** Whether answers may be called back. */
  readonly callbacks: boolean;
}

const TELL_EVERY_MS = 3_000;

/**
 * Makes one service callable, trying until it is: its replies are listened for, and what is recorded of its requests is known.
 * Creates the topics of a service whose lanes are configured, and those that its callbacks need.
 *
 * @param alongside is begun when its lanes are known, and waited for as well
 */
export async function prepareService(
  service: string,
  { lanes }: ServiceRoute,
  { log, client, topicPrefix: prefix, resultRetentionMs, callbacks, ...trying }: PrepareOptions,
  alongside: () => Promise<void>,
): Promise<void> {
  const specs = [
    ...(lanes === undefined ? [] : Object.values(topicsOf(service, { lanes, prefix, resultRetentionMs }))),
    ...(callbacks ? Object.values(callbackTopicsOf(service, prefix)) : []),
  ];
  await persist(async () => {
    if (specs.length > 0) await log.ensureTopics(specs);
    await client.prepare(service);
  }, trying);
  const recorded = persist(async () => (await client.results(service)).restored, trying);
  await Promise.all([recorded, alongside()]);
}

export interface PrepareBroadcastsOptions extends Pick<PrepareOptions, "log" | "client" | "topicPrefix"> {
  readonly broadcastRetentionMs: number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Told why each attempt failed; returns whether nobody should wait for the next. */
  readonly onFailure: (error: ShardcastError) => boolean;
  readonly onReady: () => void;
}

/**
 * Makes broadcasts to one service possible, trying until they are: all that is on the log of them is known. Their topics are
 * created where those of the service are. Resolves then, or when nobody should wait for it: a service that was made by an older
 * version is served without them meanwhile.
 */
export function prepareBroadcasts(
  service: string,
  { lanes }: ServiceRoute,
  options: PrepareBroadcastsOptions,
): Promise<void> {
  const { log, client, topicPrefix: prefix, broadcastRetentionMs: retentionMs, signal, onReady } = options;
  const specs = lanes === undefined ? [] : Object.values(broadcastTopicsOf(service, { prefix, retentionMs }));
  const prepared = async () => {
    if (specs.length > 0) await log.ensureTopics(specs);
    await restored(service, await client.followBroadcasts(service), options.logger);
  };
  return new Promise((resolve, reject) => {
    const onFailure = (error: ShardcastError) => {
      if (options.onFailure(error)) resolve();
    };
    persist(prepared, { signal, onFailure }).then(() => {
      onReady();
      resolve();
    }, reject);
  });
}

/** Says now and then how far it is. */
async function restored(
  service: string,
  broadcasts: Awaited<ReturnType<Client["followBroadcasts"]>>,
  logger: Logger,
): Promise<void> {
  const done = broadcasts.restored.then(() => true);
  while ((await bounded(done, TELL_EVERY_MS)) === undefined) {
    logger.info({ service, known: broadcasts.size }, "restoring broadcasts");
  }
}
