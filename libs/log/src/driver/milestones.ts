interface Milestone {
  readonly offset: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Who waits for a reader's positions: what `LogReader.reached` needs of every driver. */
export class Milestones {
  readonly #waiting = new Map<string, Set<Milestone>>();

  /** Resolves once {@link passed} tells that the position is at the offset or beyond. */
  wait(partition: string, offset: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(partition) ?? new Set();
      this.#waiting.set(partition, waiting.add({ offset, resolve, reject }));
    });
  }

  /** To be called after everything below the position was delivered. */
  passed(partition: string, position: number): void {
    const waiting = this.#waiting.get(partition);
    if (waiting === undefined) return;
    for (const milestone of waiting) {
      if (milestone.offset > position) continue;
      waiting.delete(milestone);
      milestone.resolve();
    }
    if (waiting.size === 0) this.#waiting.delete(partition);
  }

  /** Nothing moves any more: whoever still waits is told so. */
  close(error: unknown): void {
    for (const waiting of this.#waiting.values()) for (const { reject } of waiting) reject(error);
    this.#waiting.clear();
  }
}
