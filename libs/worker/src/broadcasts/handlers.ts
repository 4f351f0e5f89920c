import { isHandlerName, ShardcastError } from "@shardcast/protocol";
import { ANY_BROADCAST, type BroadcastHandler, type BroadcastSubscription } from "../broadcast-handler.ts";

/** A handler, and how it wants to be called. */
export interface Subscribed {
  readonly handler: BroadcastHandler;
  readonly ordered: boolean;
  readonly afterLanes: boolean;
  /** Undefined for the member's own. */
  readonly maxAttempts: number | undefined;
}

/** What a member does with broadcasts, by the handler they name. */
export class BroadcastHandlers {
  readonly #byName = new Map<string, Subscribed>();

  get size(): number {
    return this.#byName.size;
  }

  /** @throws {ShardcastError} SHARDCAST_INVALID_CONFIG for a name or a subscription that can not be, or a name given twice */
  add(
    name: string,
    handler: BroadcastHandler,
    { order = "ordered", after, maxAttempts }: BroadcastSubscription = {},
  ): void {
    const shown = JSON.stringify(name);
    if (typeof name !== "string" || !isHandlerName(name)) throw invalid(`${shown} is not a handler name`);
    if (typeof handler !== "function") throw invalid(`the handler of ${shown} is not a function`);
    if (this.#byName.has(name)) throw invalid(`${shown} has a handler already`);
    if (order !== "ordered" && order !== "concurrent")
      throw invalid(`order of ${shown}: must be ordered or concurrent`);
    if (after !== undefined && after !== "lanes")
      throw invalid(`after of ${shown}: must be lanes, or left out`);
    if (maxAttempts !== undefined && !(Number.isSafeInteger(maxAttempts) && maxAttempts >= 1))
      throw invalid(`maxAttempts of ${shown}: must be a whole number from 1`);
    this.#byName.set(name, {
      handler,
      ordered: order === "ordered",
      afterLanes: after === "lanes",
      maxAttempts,
    });
  }

  of(name: string): Subscribed | undefined {
    return this.#byName.get(name) ?? this.#byName.get(ANY_BROADCAST);
  }
}

function invalid(fault: string): ShardcastError {
  return new ShardcastError("SHARDCAST_INVALID_CONFIG", `onBroadcast: ${fault}`);
}
