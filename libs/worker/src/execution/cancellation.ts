/** Signals that fire with one of the lane's, or when the request is cancelled. */
interface Joined {
  readonly controller: AbortController;
  readonly unlink: () => void;
}

/** Whether somebody has cancelled a request. Costs nothing until somebody asks for a signal. */
export class Cancellation {
  #reason: unknown;
  #joined: Map<AbortSignal, Joined> | undefined;
  #onRequest: (() => void) | undefined;
  #ended = false;

  get requested(): boolean {
    return this.#reason !== undefined;
  }

  request(reason: Error): void {
    if (this.requested) return;
    this.#reason = reason;
    for (const { controller } of this.#joined?.values() ?? []) controller.abort(reason);
    this.#onRequest?.();
  }

  throwIfRequested(): void {
    if (this.requested) throw this.#reason;
  }

  /** Fires with the other signal, or when the request is cancelled; until {@link end}. After that, it is the other one. */
  joinedWith(other: AbortSignal): AbortSignal {
    if (this.#ended) return other;
    const known = this.#joined?.get(other);
    if (known !== undefined) return known.controller.signal;
    const controller = new AbortController();
    const follow = () => controller.abort(other.reason);
    // Not AbortSignal.any: what a handler leaves listening would stay with the lane's signal.
    other.addEventListener("abort", follow, { once: true });
    const unlink = () => other.removeEventListener("abort", follow);
    this.#joined ??= new Map();
    this.#joined.set(other, { controller, unlink });
    if (other.aborted) follow();
    else if (this.requested) controller.abort(this.#reason);
    return controller.signal;
  }

  /** Rejects with the reason when the request is cancelled before `begin` is called; otherwise it is what the task says. */
  before<T>(task: (begin: () => void) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#onRequest = () => reject(this.#reason);
      task(() => {
        this.#onRequest = undefined;
      }).then(resolve, reject);
    });
  }

  /** The request has ended: its signals do not fire any more. */
  end(): void {
    this.#ended = true;
    for (const { unlink } of this.#joined?.values() ?? []) unlink();
    this.#joined = undefined;
    this.#onRequest = undefined;
  }
}
