import type { Client, ServiceRoute } from "@shardcast/client";
import type { Log } from "@shardcast/log";
import { isShardcastError, ShardcastError, topicsOf } from "@shardcast/protocol";
import pRetry from "p-retry";

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 5_000;

export interface PrepareOptions {
  readonly log: Log;
  readonly client: Client;
  readonly topicPrefix: string;
  /** Ends the trying. */
  readonly signal: AbortSignal;
  /** Told why each attempt failed. */
  readonly onFailure: (error: ShardcastError) => void;
}

/**
 * Makes one service callable, trying until it is: Kafka may come up after us, an operator may still have to create or
 * repair a topic. Creates the topics of a service whose lanes are configured.
 */
export function prepareService(
  service: string,
  { lanes }: ServiceRoute,
  { log, client, topicPrefix: prefix, signal, onFailure }: PrepareOptions,
): Promise<void> {
  const specs = lanes === undefined ? [] : Object.values(topicsOf(service, { lanes, prefix }));

  async function attempt(): Promise<void> {
    try {
      if (specs.length > 0) await log.ensureTopics(specs);
      await client.prepare(service);
    } catch (cause) {
      // As one of ours: p-retry would give up for a TypeError.
      throw isShardcastError(cause)
        ? cause
        : new ShardcastError("SHARDCAST_INTERNAL", "preparing it failed unexpectedly", { cause });
    }
  }

  return pRetry(attempt, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: FIRST_DELAY_MS,
    // Its own for each: at the longest delay p-retry's randomness is cut off, and all would try in step for ever.
    maxTimeout: LONGEST_DELAY_MS * (0.75 + Math.random() / 4),
    randomize: true,
    signal,
    onFailedAttempt: ({ error }) => onFailure(error as ShardcastError),
  });
}
