import type { Logger } from "pino";

/** What everything that a member does with broadcasts has in common. */
export interface BroadcastScope {
  readonly service: string;
  readonly member: string;
  /** Fires when no attempt may start any more; those that run may end. */
  readonly halted: AbortSignal;
  /** Fires when handlers shall stop, at the earliest with `halted`: the grace time is over, or a newer process is this member. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
}
