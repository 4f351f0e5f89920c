/** What a lane hook gets to know. */
export interface LaneContext {
  /** Grows from owner to owner of the lane; a store that keeps the greatest it has seen can refuse a stale owner (C2). */
  readonly fencingToken: number;
  /** Fires when this member may not go on with the lane: it is lost, or the time to finish is over. */
  readonly signal: AbortSignal;
}

/**
 * Called when this member has taken a lane, e.g. to load its state. The lane's handlers wait for it. When it throws, or takes
 * longer than `hookTimeoutMs`, the lane is given back and taken again later.
 */
export type OnLaneAcquired = (lane: number, context: LaneContext) => void | Promise<void>;

/**
 * Called when the lane's handlers have ended and before the next owner may take it, e.g. to flush. Not called for a lane that
 * is lost: there only the signal fires. The lane is released also when it throws or takes too long.
 */
export type OnLaneReleased = (lane: number, context: LaneContext) => void | Promise<void>;

/** Calls a hook. Rejects with what it threw, with the signal's reason, or when it takes too long. */
export async function callHook(
  hook: OnLaneAcquired | OnLaneReleased | undefined,
  lane: number,
  context: LaneContext,
  timeoutMs: number,
): Promise<void> {
  if (hook === undefined) return;
  const { signal } = context;
  signal.throwIfAborted();
  const { promise: over, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`the hook took longer than ${timeoutMs} ms`)), timeoutMs);
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([hook(lane, context), over]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
