import { describe, expect, it } from "vitest";
import type { Destination } from "../../src/proxy/destination.ts";
import { Holds } from "../../src/proxy/holds.ts";

const HOUR_MS = 3_600_000;

/** A destination that counts who watches it. */
function watched() {
  const listeners = new Set<() => void>();
  const destination: Destination = {
    find: () => ({ kind: "absent", why: "nobody" }),
    watch: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return { destination, listeners };
}

const terms = (done: () => void) => ({ untilMs: performance.now() + HOUR_MS, againMs: HOUR_MS, done });

describe("a held request", () => {
  it("listens no more when it goes on, when it is given up, and when the gateway closes (C7)", async () => {
    const closing = new AbortController();
    const holds = new Holds({ maxHeld: 10, closing: closing.signal });
    const { destination, listeners } = watched();
    const gone = new Promise<void>((resolve) => holds.wait(destination, "why", terms(resolve)));
    const stop = holds.wait(
      destination,
      "why",
      terms(() => {}),
    );
    const ended = new Promise<void>((resolve) => holds.wait(destination, "why", terms(resolve)));
    expect([holds.size, listeners.size]).toEqual([3, 3]);
    stop();
    stop();
    expect([holds.size, listeners.size]).toEqual([2, 2]);
    [...listeners][0]?.();
    await gone;
    expect([holds.size, listeners.size]).toEqual([1, 1]);
    closing.abort();
    await ended;
    expect([holds.size, listeners.size]).toEqual([0, 0]);
    expect(() =>
      holds.wait(
        destination,
        "why",
        terms(() => {}),
      ),
    ).toThrow("closing");
  });
});
