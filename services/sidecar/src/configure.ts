import type { Log } from "@shardcast/log";
import { createMemoryLog } from "@shardcast/log/memory";
import { createKafkaLog } from "@shardcast/log-kafka";
import { type Logger, pino } from "pino";
import type { Environment } from "./member.ts";
import { resolveSidecarOptions } from "./options.ts";
import { createSidecar, type Sidecar } from "./sidecar.ts";

/** Everything that the process consists of, not yet started. */
export interface Parts {
  readonly logger: Logger;
  readonly log: Log;
  readonly sidecar: Sidecar;
  readonly healthPort: number | undefined;
}

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

  if (log === undefined || sidecar === undefined) throw new Error(faults.join("\n"));
  return { logger, log, sidecar, healthPort: options?.healthPort };
}
