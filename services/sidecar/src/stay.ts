import type { Log } from "@shardcast/log";
import type { Logger } from "pino";
import type { Application } from "./app/application.ts";
import type { Presence } from "./app/presence.ts";
import { createMember, type Environment, type Member } from "./member.ts";
import type { SidecarOptions } from "./options.ts";
import { broadcastRelay } from "./relay/broadcast-relay.ts";
import { Courier } from "./relay/courier.ts";
import { laneHooks } from "./relay/lane-hooks.ts";
import { requestRelay } from "./relay/request-relay.ts";

export interface StayParts {
  readonly log: Log;
  readonly logger: Logger;
  readonly options: SidecarOptions;
  readonly application: Application;
  readonly presence: Presence;
  readonly env: Environment;
}

/** One stay of the member, from joining to leaving: who has left does not come back, so each has a worker of its own. */
export interface Stay {
  readonly member: Member;
  /** Takes nothing new, lets what the application works on finish within the grace time, releases the lanes. */
  leave(): Promise<void>;
}

/** @throws {ShardcastError} SHARDCAST_INVALID_CONFIG naming every variable of the member at fault */
export function newStay({ log, logger, options, application, presence, env }: StayParts): Stay {
  const { appFormat: format, maxAttempts, maxReplyBytes, maxRetryAfterMs } = options;
  const leaving = new AbortController();
  const courier = new Courier({ application, presence, leaving: leaving.signal, maxAttempts });
  const relaying = { format, maxReplyBytes, maxRetryAfterMs };
  const member: Member = createMember(
    {
      log,
      logger,
      options,
      onRequest: requestRelay(courier, relaying),
      onBroadcast: broadcastRelay(courier, relaying),
      hooks: options.appLaneHooks ? laneHooks({ application, courier, who: () => member }) : undefined,
    },
    env,
  );
  return {
    member,
    leave() {
      // In this order: what gives up waiting now must find that no attempt may start any more.
      const left = member.stop();
      leaving.abort();
      return left;
    },
  };
}
