import type { ReplyFence } from "@shardcast/protocol";

/**
 * Which owners of a service's lanes are over, as the marks among its replies say (C4). A mark counts from where it lies: what a
 * lost owner replied before it was replied while nobody else could have begun. Marks from before this listener began do
 * not matter: who was over by then can not have begun a request that was published since.
 */
export class Fences {
  /** Highest token that is over, by lane; at most one entry a lane (C7). */
  readonly #over = new Map<number, number>();
  readonly #lanes: number;

  constructor(lanes: number) {
    this.#lanes = lanes;
  }

  note({ tokens }: ReplyFence): void {
    for (const [lane, token] of tokens) {
      if (lane < 0 || lane >= this.#lanes) continue;
      // Two who fence may put their marks in any order; what is over stays so.
      this.#over.set(lane, Math.max(token, this.#over.get(lane) ?? token));
    }
  }

  /** Whether a reply is from an owner that had lost the lane. One without a token is from nobody who could lose it. */
  isOver(lane: number, token: number | undefined): boolean {
    const over = this.#over.get(lane);
    return over !== undefined && token !== undefined && token <= over;
  }
}
