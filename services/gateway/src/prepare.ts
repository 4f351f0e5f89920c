import { type Client, connect } from "@shardcast/client";
import type { Log } from "@shardcast/log";
import { isShardcastError, ShardcastError, topicsOf } from "@shardcast/protocol";
import pRetry from "p-retry";
import type { ResolvedGatewayOptions } from "./options.ts";

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 5_000;

export interface PrepareOptions {
  readonly log: Log;
  readonly settings: ResolvedGatewayOptions;
  /** Ends the trying. */
  readonly signal: AbortSignal;
  /** Told why each attempt failed. */
  readonly onFailure: (error: ShardcastError) => void;
}

/**
 * Connects to every configured service, trying until it works: Kafka may come up after us, an operator may still
 * have to create a topic. Creates the topics of services whose lanes are configured.
 */
export function prepare({ log, settings, signal, onFailure }: PrepareOptions): Promise<Client> {
  const { services, topicPrefix: prefix } = settings;
  const specs = Object.entries(services).flatMap(([service, { lanes }]) =>
    lanes === undefined ? [] : Object.values(topicsOf(service, { lanes, prefix })),
  );

  async function attempt(): Promise<Client> {
    if (specs.length > 0) await log.ensureTopics(specs);
    const client = await connect({
      log,
      services,
      topicPrefix: prefix,
      maxPending: settings.maxInFlight,
      maxPendingPerLane: settings.maxInFlightPerLane,
    });
    if (!signal.aborted) return client;
    // Nobody waits for it any more.
    await client.close();
    throw new ShardcastError("SHARDCAST_CLOSED", "the gateway is closing");
  }

  return pRetry(() => attempt().catch(rethrow), {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: FIRST_DELAY_MS,
    maxTimeout: LONGEST_DELAY_MS,
    randomize: true,
    signal,
    onFailedAttempt: ({ error }) => onFailure(error as ShardcastError),
  });
}

/** As one of ours: p-retry would give up for a TypeError. */
function rethrow(error: unknown): never {
  if (isShardcastError(error)) throw error;
  throw new ShardcastError("SHARDCAST_INTERNAL", "preparing the services failed unexpectedly", {
    cause: error,
  });
}
