import type { Broadcasts, Published } from "@shardcast/broadcasts";
import type { BroadcastStatus, MemberOutcome } from "@shardcast/protocol";
import { closedError } from "../closed-error.ts";
import type { Acknowledged, Broadcast, BroadcastEnd } from "./api.ts";
import { abortedWait } from "./errors.ts";
import { Gathering } from "./gathering.ts";
import type { Patience } from "./patience.ts";

export interface Wait extends Patience {
  /** Milliseconds from now on. */
  readonly timeoutMs: number;
}

/** A broadcast that is on the log, as who sent it waits for it. */
export class FollowedBroadcast implements Broadcast {
  readonly id: string;
  readonly accepted: BroadcastStatus;
  readonly replayed: boolean;
  readonly #broadcasts: Broadcasts;
  readonly #gathering: Gathering;

  constructor({ status, replayed }: Published, broadcasts: Broadcasts, wait: Wait) {
    this.id = status.id;
    this.accepted = status;
    this.replayed = replayed;
    this.#broadcasts = broadcasts;
    this.#gathering = gather(status, broadcasts, wait);
  }

  get ended(): Promise<BroadcastEnd> {
    return this.#gathering.ended;
  }

  [Symbol.asyncIterator](): AsyncIterator<MemberOutcome, void, undefined> {
    return this.#gathering.read();
  }

  async reduce<T>(
    reducer: (sum: T, outcome: Acknowledged) => T,
    initial: T,
  ): Promise<{ readonly value: T; readonly end: BroadcastEnd }> {
    let value = initial;
    for await (const outcome of this) {
      if (outcome.state === "acked") value = reducer(value, outcome);
    }
    return { value, end: await this.ended };
  }

  async cancel(): Promise<void> {
    await this.#broadcasts.cancel(this.id);
  }
}

function gather(accepted: BroadcastStatus, broadcasts: Broadcasts, wait: Wait): Gathering {
  const { timeoutMs, signal, closing } = wait;
  const { id } = accepted;
  const gathering = new Gathering(accepted, () => {
    clearTimeout(timer);
    unwatch();
    signal?.removeEventListener("abort", onAbort);
    closing.removeEventListener("abort", onClose);
  });
  const onAbort = () => gathering.giveUp(abortedWait(signal as AbortSignal, id));
  const onClose = () => gathering.giveUp(closedError());
  const timer = setTimeout(() => gathering.runOut(), timeoutMs);
  const unwatch = broadcasts.watch(id, ({ status, members }) => gathering.take(status, members));
  signal?.addEventListener("abort", onAbort);
  closing.addEventListener("abort", onClose);
  gathering.take(broadcasts.get(id) ?? accepted);
  if (closing.aborted) onClose();
  if (signal?.aborted) onAbort();
  return gathering;
}
