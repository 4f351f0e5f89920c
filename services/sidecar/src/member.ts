import type { Log } from "@shardcast/log";
import {
  ANY_BROADCAST,
  type BroadcastHandler,
  createSubscriber,
  createWorker,
  type WorkerEnd,
} from "@shardcast/worker";
import type { Logger } from "pino";
import type { SidecarOptions } from "./options.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The part of a member that both kinds have. */
export interface Member {
  readonly member: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly ended: Promise<WorkerEnd>;
}

export interface MemberParts {
  readonly log: Log;
  readonly logger: Logger;
  readonly options: Pick<SidecarOptions, "membership" | "order">;
  /** Takes every broadcast. */
  readonly relay: BroadcastHandler;
}

/**
 * The member in whose place this process stands. A durable one is a worker, so that its position is kept under its ordinal; it has
 * no handlers for keys yet, and whoever asks for one is told so (C3).
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG naming every variable at fault
 */
export function createMember({ log, logger, options, relay }: MemberParts, env: Environment): Member {
  const { membership, order } = options;
  if (membership === "durable") {
    const worker = createWorker({ log, logger }, env);
    worker.onBroadcast(ANY_BROADCAST, relay, { order });
    return worker;
  }
  const subscriber = createSubscriber({ log, logger }, env);
  subscriber.onBroadcast(ANY_BROADCAST, relay, { order });
  return {
    member: subscriber.member,
    start: () => subscriber.start(),
    stop: () => subscriber.stop(),
    ended: subscriber.ended.then(() => ({ reason: "stopped" })),
  };
}
