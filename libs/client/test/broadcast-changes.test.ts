import { getEventListeners } from "node:events";
import type { BroadcastChange, Broadcasts } from "@shardcast/broadcasts";
import type { BroadcastStatus } from "@shardcast/protocol";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { changesOf, nextVerdict } from "../src/broadcasts/changes.ts";
import { FollowedBroadcast } from "../src/broadcasts/followed.ts";
import { patiently } from "../src/broadcasts/patience.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** A broadcast that stands as the test says, until it is forgotten. */
function standing() {
  const status = { id: "id-1", verdict: "satisfied", reason: "quorum", members: [{ state: "waiting" }] };
  let change: BroadcastChange | undefined = {
    seq: 1,
    members: [],
    status: status as unknown as BroadcastStatus,
  };
  const listeners = new Set<() => void>();
  const broadcasts = {
    get: () => change?.status,
    since: () => change,
    watch: (_: string, listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  } as unknown as Broadcasts;
  const forget = () => {
    change = undefined;
  };
  return { broadcasts, forget, listeners };
}

describe("who follows a broadcast", () => {
  it("that is forgotten is told so, not left waiting (C7)", async () => {
    const { broadcasts, forget, listeners } = standing();
    const changes = changesOf(broadcasts, "id-1", { after: undefined, signals: [] });
    await changes.next();
    const next = changes.next().catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(listeners.size).toBe(1);
    forget();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await next).toMatchObject({ code: "SHARDCAST_UNKNOWN_BROADCAST" });
    expect(listeners.size).toBe(0);
  });

  it("and stops to read leaves nothing behind", async () => {
    const { broadcasts, listeners } = standing();
    const { signal } = new AbortController();
    const removed = vi.spyOn(signal, "removeEventListener");
    const changes = changesOf(broadcasts, "id-1", { after: undefined, signals: [signal] });
    await changes.next();
    await changes.return();
    expect(listeners.size).toBe(0);
    expect(removed).toHaveBeenCalledTimes(1);
  });

  it("and waits for its verdict waits no longer than that", async () => {
    const { broadcasts, listeners } = standing();
    const open = { verdict: "open" } as BroadcastStatus;
    const waiting = nextVerdict({ ...broadcasts, get: () => open }, "id-1", { waitMs: 7_000, signals: [] });
    await vi.advanceTimersByTimeAsync(6_999);
    expect(listeners.size).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    await waiting;
    expect(listeners.size).toBe(0);
  });

  it("listens to its client's closing no longer than he waits", async () => {
    const { broadcasts, listeners } = standing();
    const { signal: closing } = new AbortController();
    const patience = { signal: undefined, closing };
    const open = { id: "id-1", verdict: "open", members: [] } as unknown as BroadcastStatus;
    const following = { ...broadcasts, get: () => open };
    const wait = { ...patience, timeoutMs: 1_000 };
    const broadcast = new FollowedBroadcast({ status: open, replayed: false }, following, wait);
    expect(getEventListeners(closing, "abort")).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1_000);
    await broadcast.ended;
    expect(await patiently(patience, async () => "done")).toBe("done");
    expect(getEventListeners(closing, "abort")).toHaveLength(0);
    expect(listeners.size).toBe(0);
  });
});
