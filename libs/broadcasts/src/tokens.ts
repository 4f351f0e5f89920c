/** The newest process of each durable member, by its fencing token, as one partition of `S.acks` tells it. */
export class Tokens {
  readonly #newest = new Map<string, number>();

  /** Takes note of who speaks. False when another process had replaced it by then: its word does not count (C6). */
  hear(member: string, token: number): boolean {
    const newest = this.#newest.get(member);
    if (newest !== undefined && token < newest) return false;
    if (token !== newest) this.#newest.set(member, token);
    return true;
  }
}
