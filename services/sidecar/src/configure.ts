import { type Client, connect } from "@shardcast/client";
import type { Log } from "@shardcast/log";
import { createMemoryLog } from "@shardcast/log/memory";
import { createKafkaLog } from "@shardcast/log-kafka";
import { type Logger, pino } from "pino";
import type { Environment } from "./member.ts";
import { resolveSidecarOptions, type SidecarOptions } from "./options.ts";
import { createSidecar, type Sidecar } from "./sidecar.ts";

/** Everything that the process consists of, not yet started. */
export interface Parts {
  readonly logger: Logger;
  readonly log: Log;
  readonly sidecar: Sidecar;
  readonly options: SidecarOptions;
}

/** Calls of the application that may wait for an answer at once (C7). */
const MAX_PENDING = 1_000;

/**
 * Builds the sidecar from its environment.
 *
 * @throws {Error} naming all that is wrong, a line each: who repairs a configuration wants to know everything
 */
export function configureSidecar(env: Environment): Parts {
  const faults: string[] = [];
  const attempt = <T>(step: () => T): T | undefined => {
    try {
      return step();
    } catch (error) {
      faults.push(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  };

  const options = attempt(() => resolveSidecarOptions(env));
  const logger = pino({ name: "sidecar", level: options?.logLevel ?? "info" });
  const log = attempt(() => createKafkaLog({ logger }, env));
  // Checked also without Kafka's settings: a member does not touch its log before it starts.
  const checked = log ?? createMemoryLog();
  const sidecar = options && attempt(() => createSidecar(checked, logger, options, env));

  if (log === undefined || options === undefined || sidecar === undefined) throw new Error(faults.join("\n"));
  return { logger, log, sidecar, options };
}

/** Who publishes for the application. The member's variables are good here: the member was made with them. */
export function connectClient({ log, logger, sidecar, options }: Parts, env: Environment): Promise<Client> {
  const { SHARDCAST_REPLICAS: replicas, SHARDCAST_TOPIC_PREFIX: topicPrefix = "" } = env;
  const isDurable = options.membership === "durable";
  return connect({
    log,
    logger,
    topicPrefix,
    services: { [sidecar.service]: isDurable ? { replicas: Number(replicas) } : {} },
    // Not before the member has made the topics; others are looked up when they are asked for.
    prepareServices: false,
    maxPending: MAX_PENDING,
  });
}
