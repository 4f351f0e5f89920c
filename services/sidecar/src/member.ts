import type { Log } from "@shardcast/log";
import {
  ANY_BROADCAST,
  type BroadcastHandler,
  createSubscriber,
  createWorker,
  type Handler,
  type OwnedLane,
  type Readiness,
  type WorkerEnd,
  type WorkerOptions,
} from "@shardcast/worker";
import type { Logger } from "pino";
import type { SidecarOptions } from "./options.ts";
import type { LaneHooks } from "./relay/lane-hooks.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The part of a member that both kinds have. */
export interface Member {
  readonly service: string;
  readonly member: string;
  lanes(): readonly OwnedLane[];
  readiness(): Readiness;
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly ended: Promise<WorkerEnd>;
}

export interface MemberParts {
  readonly log: Log;
  readonly logger: Logger;
  readonly options: Pick<SidecarOptions, "membership" | "order" | "maxAttempts">;
  /** Takes every request. */
  readonly onRequest: Handler;
  /** Takes every broadcast. */
  readonly onBroadcast: BroadcastHandler;
  readonly hooks: LaneHooks | undefined;
}

/**
 * The member in whose place this process stands, for one stay. A durable one is a worker: it takes lanes, and its position among
 * broadcasts is kept under its ordinal.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG naming every variable at fault
 */
export function createMember(parts: MemberParts, env: Environment): Member {
  return parts.options.membership === "durable" ? durable(parts, env) : ephemeral(parts, env);
}

function durable(
  { log, logger, options, onRequest, onBroadcast, hooks }: MemberParts,
  env: Environment,
): Member {
  const { maxAttempts, order } = options;
  const given: WorkerOptions = { log, logger, maxAttempts, defaultHandler: onRequest, ...hooks };
  const worker = createWorker(given, env);
  worker.onBroadcast(ANY_BROADCAST, onBroadcast, { order });
  return worker;
}

function ephemeral({ log, logger, options, onBroadcast }: MemberParts, env: Environment): Member {
  const { maxAttempts, order } = options;
  const subscriber = createSubscriber({ log, logger, maxAttempts }, env);
  subscriber.onBroadcast(ANY_BROADCAST, onBroadcast, { order });
  const { service, member } = subscriber;
  let status: Readiness["status"] = "joining";
  return {
    service,
    member,
    lanes: () => [],
    readiness: () => ({ ready: status === "ready", status, member, lanes: [], missing: [] }),
    async start() {
      await subscriber.start();
      if (status === "joining") status = "ready";
    },
    async stop() {
      status = "leaving";
      await subscriber.stop();
    },
    ended: subscriber.ended.then(() => ({ reason: "stopped" })),
  };
}
