import pLimit from "p-limit";
import type { RetryPolicy } from "../execution/execute.ts";
import { KeyChains } from "../execution/key-chains.ts";
import { type Acks, type AckWriter, NO_ACKS } from "./acks.ts";
import { attemptBroadcast } from "./attempts.ts";
import type { BroadcastHandlers, Subscribed } from "./handlers.ts";
import type { BroadcastOutcome } from "./outcome.ts";
import type { ReceivedBroadcast } from "./received.ts";
import type { BroadcastScope } from "./scope.ts";

export interface RunnerOptions extends RetryPolicy {
  readonly scope: BroadcastScope;
  readonly handlers: BroadcastHandlers;
  /** Concurrent ones that run at once. */
  readonly concurrency: number;
  readonly acks: AckWriter;
  readonly isExpected: (received: ReceivedBroadcast) => boolean;
  /**
   * Resolves when everything is done that lies on the member's lanes now; rejects at the latest when nothing starts any more.
   * Undefined where there are no lanes.
   */
  readonly afterLanes: (() => Promise<void>) | undefined;
  /** It has ended, and what there was to say is on the log. */
  readonly onDone: (received: ReceivedBroadcast) => void;
}

/** All ordered ones are one chain. */
const ORDERED = "";

/**
 * Acts on broadcasts: ordered ones one after another, each when what came of the one before is on the log, so that a crash
 * repeats them in order; concurrent ones as soon as there is room.
 */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #chain = new KeyChains();
  readonly #slots;
  #running = 0;
  #idle: (() => void)[] = [];

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#slots = pLimit(options.concurrency);
  }

  run(received: ReceivedBroadcast): void {
    const { handlers, afterLanes } = this.#options;
    const subscribed = handlers.of(received.envelope.handler);
    // Asked now, not in its turn: what comes to the lanes after it need not be done before it.
    const lanes = subscribed?.afterLanes ? afterLanes?.() : undefined;
    lanes?.catch(() => {}); // whoever waits for it is told
    const turn = () => this.#counted(received, subscribed, lanes);
    if (subscribed?.ordered) this.#chain.run(ORDERED, turn);
    else void turn();
  }

  /** Resolves when nothing runs and nothing is on its way to the log. */
  idle(): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  async #counted(
    received: ReceivedBroadcast,
    subscribed: Subscribed | undefined,
    lanes: Promise<void> | undefined,
  ): Promise<void> {
    const { scope, onDone } = this.#options;
    this.#running++;
    try {
      if (await this.#end(received, subscribed, lanes)) onDone(received);
    } catch (error) {
      const { id: broadcastId } = received.envelope;
      // Only the end of this process comes here in the ordinary course; the broadcast stays on the log for the next one.
      if (!scope.halted.aborted) scope.logger.error({ err: error, broadcastId }, "broadcast not finished");
    } finally {
      this.#running--;
      if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  /** True when it has ended here, and that is on the log. */
  async #end(
    received: ReceivedBroadcast,
    subscribed: Subscribed | undefined,
    lanes: Promise<void> | undefined,
  ): Promise<boolean> {
    const { acks, isExpected } = this.#options;
    const expected = isExpected(received);
    const words = expected ? acks.of(received.envelope.id) : NO_ACKS;
    const outcome =
      subscribed === undefined
        ? unknownHandler(received.envelope.handler)
        : await this.#attempt(received, subscribed, lanes, expected, words);
    if (outcome.kind === "abandoned") return false;
    await words.final(outcome);
    return true;
  }

  async #attempt(
    received: ReceivedBroadcast,
    { handler, ordered, maxAttempts }: Subscribed,
    lanes: Promise<void> | undefined,
    expected: boolean,
    news: Acks,
  ): Promise<BroadcastOutcome> {
    const { scope, maxAttempts: usual, retryMinMs, retryMaxMs } = this.#options;
    await lanes;
    const policy = { maxAttempts: maxAttempts ?? usual, retryMinMs, retryMaxMs };
    const slots = ordered ? undefined : this.#slots;
    return attemptBroadcast(handler, received, { scope, policy, slots, expected, news });
  }
}

function unknownHandler(name: string): BroadcastOutcome {
  const reason =
    name === ""
      ? "the broadcast names no handler and there is none for those"
      : `there is no handler ${name}`;
  return { kind: "failed", code: "SHARDCAST_UNKNOWN_HANDLER", reason, attempts: 0 };
}
