const [FIRST, LAST] = [2, 254];

/** The addresses of one node's pods. One that is given back is taken again as late as can be: somebody may still dial it. */
export class Addresses {
  readonly #of: (fourth: number) => string;
  readonly #taken = new Set<string>();
  #next = FIRST;

  constructor(of: (fourth: number) => string) {
    this.#of = of;
  }

  /** The wished one if it is free, else the next. Throws when there is none. */
  take(wished?: string): string {
    if (wished !== undefined && this.#isOurs(wished) && !this.#taken.has(wished)) return this.#keep(wished);
    for (let tries = FIRST; tries <= LAST; tries += 1) {
      const address = this.#of(this.#next);
      this.#next = this.#next === LAST ? FIRST : this.#next + 1;
      if (!this.#taken.has(address)) return this.#keep(address);
    }
    throw new Error("all addresses of the node are taken");
  }

  giveBack(address: string): void {
    this.#taken.delete(address);
  }

  #isOurs(address: string): boolean {
    const fourth = Number(address.split(".").at(-1));
    return fourth >= FIRST && fourth <= LAST && this.#of(fourth) === address;
  }

  #keep(address: string): string {
    this.#taken.add(address);
    return address;
  }
}
