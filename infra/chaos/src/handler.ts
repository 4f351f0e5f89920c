import { setTimeout as sleep } from "node:timers/promises";
import type { BroadcastHandler, Handler, LaneContext, WorkerOptions } from "@shardcast/worker";
import type { Act, Effect } from "./checker/history.ts";
import { hostMs } from "./host-clock.ts";
import type { BroadcastWork, Work } from "./load/work.ts";

export interface TraceOptions<Line> {
  readonly member: string;
  /** Names this worker of this process. */
  readonly incarnation: string;
  readonly write: (line: Line) => void;
}

type Traced = Required<Pick<WorkerOptions, "defaultHandler" | "onLaneAcquired" | "onLaneReleased">>;

/** A handler that does what its caller wants, and hooks; all of it leaves a trace. */
export function traced({ member, incarnation, write }: TraceOptions<Effect>): Traced {
  const defaultHandler: Handler = async (request, context) => {
    const tMs = hostMs();
    const { n, takesMs, fails } = request.json<Work>();
    const { lane, offset, attempt, fencingToken: token, deadlineMs, signal } = context;
    const handling = {
      key: request.key,
      id: request.id,
      n,
      lane,
      offset,
      token,
      member,
      incarnation,
      attempt,
    };
    const lateMs = deadlineMs === undefined ? null : Date.now() - deadlineMs;
    write({ event: "start", ...handling, lateMs, tMs });
    let abortedMs: number | null = null;
    const onAbort = () => {
      abortedMs = hostMs();
    };
    signal.addEventListener("abort", onAbort);
    await sleep(takesMs);
    signal.removeEventListener("abort", onAbort);
    const threw = fails === "always" || (fails === "once" && attempt === 1);
    write({ event: "end", ...handling, outcome: threw ? "threw" : "done", abortedMs, tMs: hostMs() });
    if (threw) throw new Error(`fails ${fails}`);
    return { id: request.id, key: request.key, n, token };
  };

  function hook(event: "acquired" | "released") {
    return (lane: number, { fencingToken: token }: LaneContext) =>
      write({ event, lane, token, member, incarnation, tMs: hostMs() });
  }

  return { defaultHandler, onLaneAcquired: hook("acquired"), onLaneReleased: hook("released") };
}

/** The same for broadcasts. */
export function tracedBroadcast({ member, incarnation, write }: TraceOptions<Act>): BroadcastHandler {
  return async (broadcast, { offset, attempt, expiresMs }) => {
    const { n, takesMs, fails, at } = broadcast.json<BroadcastWork>();
    const lateMs = Date.now() - expiresMs;
    const act = { id: broadcast.id, n, offset, member, incarnation, attempt, lateMs };
    write({ event: "begun", ...act, tMs: hostMs() });
    await sleep(takesMs);
    const threw = at === member && (fails === "always" || (fails === "once" && attempt === 1));
    write({ event: threw ? "failed" : "acted", ...act, tMs: hostMs() });
    if (threw) throw new Error(`fails ${fails}`);
    return { member, n };
  };
}
