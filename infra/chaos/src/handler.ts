import { setTimeout as sleep } from "node:timers/promises";
import type { Handler, LaneContext, WorkerOptions } from "@shardcast/worker";
import type { Effect } from "./checker/history.ts";
import { hostMs } from "./host-clock.ts";
import type { Work } from "./load/work.ts";

export interface TraceOptions {
  readonly member: string;
  /** Names this worker of this process. */
  readonly incarnation: string;
  readonly write: (effect: Effect) => void;
}

type Traced = Required<Pick<WorkerOptions, "defaultHandler" | "onLaneAcquired" | "onLaneReleased">>;

/** A handler that does what its caller wants, and hooks; all of it leaves a trace. */
export function traced({ member, incarnation, write }: TraceOptions): Traced {
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
