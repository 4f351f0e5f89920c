import type { LaneContext, OnLaneAcquired, OnLaneReleased } from "@shardcast/worker";
import type { Application, AppRequest } from "../app/application.ts";
import type { Courier } from "./courier.ts";

export interface LaneHooksOptions {
  readonly application: Pick<Application, "post">;
  readonly courier: Pick<Courier, "bring">;
  /** Asked at each call: the member is made with its hooks. */
  readonly who: () => { readonly service: string; readonly member: string };
}

export interface LaneHooks {
  readonly onLaneAcquired: OnLaneAcquired;
  readonly onLaneReleased: OnLaneReleased;
}

const EMPTY = Buffer.alloc(0);
/** A hook may wait for an application that is away as long as the worker lets it: it has no attempts to run out of. */
const NO_LIMITS = { attempt: 0, remainingMs: () => Number.POSITIVE_INFINITY } as const;

/** Tells the application of its lanes: POST /lanes/{lane}/acquired and /released. Any answer but 2xx is a hook that failed. */
export function laneHooks({ application, courier, who }: LaneHooksOptions): LaneHooks {
  const requestOf = (
    lane: number,
    what: "acquired" | "released",
    { fencingToken }: LaneContext,
  ): AppRequest => {
    const { service, member } = who();
    const headers = {
      "shardcast-service": service,
      "shardcast-member": member,
      "shardcast-lane": String(lane),
      "shardcast-fencing-token": String(fencingToken),
    };
    return { path: `/lanes/${lane}/${what}`, headers, body: EMPTY };
  };

  return {
    async onLaneAcquired(lane, context) {
      const { signal } = context;
      const request = requestOf(lane, "acquired", context);
      assertDone((await courier.bring(() => request, { ...NO_LIMITS, signal })).status);
    },

    // Not by the courier: an application that is away has nothing to flush, and the next owner waits.
    async onLaneReleased(lane, context) {
      const { signal } = context;
      const timeoutMs = NO_LIMITS.remainingMs();
      assertDone(
        (await application.post(requestOf(lane, "released", context), { signal, timeoutMs })).status,
      );
    },
  };
}

function assertDone(status: number): void {
  if (status < 200 || status >= 300) throw new Error(`the application answered ${status}`);
}
