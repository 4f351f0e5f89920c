/** Own beats missing in a row, after which the log counts as away. */
const MISSED_BEATS = 2;

export interface PresenceOptions {
  /** A member from which nothing came for so long is silent. */
  readonly reassignAfterMs: number;
  /** How often the planner's own beats are written. */
  readonly beatMs: number;
  /** Now, on the monotonic clock. */
  readonly atMs: number;
}

/**
 * Which members are silent, judged by what came over the log. Its clock moves only when the planner's own beat comes back: what a
 * member had written before that would have come as well, so time in which the log is away counts against nobody.
 */
export class Presence {
  readonly #reassignAfterMs: number;
  readonly #longestGapMs: number;
  readonly #heardMs = new Map<string, number>();
  #lastBeatMs: number;
  /** This clock; counts from when the planner began. */
  #nowMs = 0;
  #beganMs = 0;

  constructor({ reassignAfterMs, beatMs, atMs }: PresenceOptions) {
    this.#reassignAfterMs = reassignAfterMs;
    this.#longestGapMs = (MISSED_BEATS + 1) * beatMs;
    this.#lastBeatMs = atMs;
  }

  /** The planner's own beat came back, at `atMs` of the monotonic clock. */
  ownBeat(atMs: number): void {
    const gapMs = atMs - this.#lastBeatMs;
    this.#lastBeatMs = atMs;
    if (gapMs <= this.#longestGapMs) this.#nowMs += gapMs;
    else this.#startAnew();
  }

  /** Something came from the member. */
  heard(member: string): void {
    this.#heardMs.set(member, this.#nowMs);
  }

  /** It is nobody's concern any more. */
  forget(member: string): void {
    this.#heardMs.delete(member);
  }

  /** Whether anything ever came from it; who was never heard has the time from the beginning on. */
  knows(member: string): boolean {
    return this.#heardMs.has(member);
  }

  isSilent(member: string): boolean {
    return this.#isOver(this.#heardMs.get(member) ?? this.#beganMs);
  }

  /** The log was away: whoever was not silent before has the full time again. */
  #startAnew(): void {
    for (const [member, heardMs] of this.#heardMs) {
      if (!this.#isOver(heardMs)) this.#heardMs.set(member, this.#nowMs);
    }
    if (!this.#isOver(this.#beganMs)) this.#beganMs = this.#nowMs;
  }

  #isOver(sinceMs: number): boolean {
    return this.#nowMs - sinceMs >= this.#reassignAfterMs;
  }
}
