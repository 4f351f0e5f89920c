import type { BroadcastContext, BroadcastHandler, BroadcastMessage, HandlerResult } from "@shardcast/worker";

/** One member's attempt; it runs until the test ends it. */
export interface Act {
  readonly message: BroadcastMessage;
  readonly context: BroadcastContext;
  end(result?: HandlerResult): void;
  fail(error: unknown): void;
}

/** Members that begin with a broadcast and end it when the test says so. */
export class BroadcastStage {
  readonly acts: Act[] = [];
  #come = Promise.withResolvers<void>();

  readonly handler: BroadcastHandler = (message, context) => {
    const { promise, resolve, reject } = Promise.withResolvers<HandlerResult>();
    this.acts.push({ message, context, end: resolve, fail: reject });
    this.#come.resolve();
    this.#come = Promise.withResolvers();
    return promise;
  };

  /** Resolves when a member has begun with a broadcast. */
  async begun(id: string, member: string, attempt = 1): Promise<Act> {
    for (;;) {
      const act = this.acts.find(
        ({ message, context }) =>
          message.id === id && context.member === member && context.attempt === attempt,
      );
      if (act !== undefined) return act;
      await this.#come.promise;
    }
  }
}
