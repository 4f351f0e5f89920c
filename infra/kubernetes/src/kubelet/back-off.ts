const FIRST_MS = 200;
const LONGEST_MS = 5_000;
/** Who ran for so long is no crash loop. */
const FORGIVEN_AFTER_MS = 10_000;

/** How long a container that ended waits for its next start. Far shorter than a real kubelet's 10 s to 5 minutes. */
export class BackOff {
  #nextMs = FIRST_MS;

  after(ranMs: number): number {
    if (ranMs >= FORGIVEN_AFTER_MS) this.#nextMs = FIRST_MS;
    const waitMs = this.#nextMs;
    this.#nextMs = Math.min(waitMs * 2, LONGEST_MS);
    return waitMs;
  }
}
