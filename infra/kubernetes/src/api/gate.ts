/** Lets pass while it is open; who comes while it is closed waits. A frozen machine is a closed gate. */
export class Gate {
  #state: { kind: "open" } | { kind: "closed"; passed: Promise<void>; open: () => void } = { kind: "open" };

  get isClosed(): boolean {
    return this.#state.kind === "closed";
  }

  close(): void {
    if (this.#state.kind === "closed") return;
    const { promise: passed, resolve: open } = Promise.withResolvers<void>();
    this.#state = { kind: "closed", passed, open };
  }

  open(): void {
    if (this.#state.kind === "open") return;
    const { open } = this.#state;
    this.#state = { kind: "open" };
    open();
  }

  async passed(): Promise<void> {
    while (this.#state.kind === "closed") await this.#state.passed;
  }
}
