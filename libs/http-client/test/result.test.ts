import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { failure } from "./behaviour.ts";
import {
  ended,
  fakeGateway,
  problem,
  type Step,
  silent,
  standing,
  unreachable,
} from "./support/fake-gateway.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  vi.spyOn(Math, "random").mockReturnValue(0.5);
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  vi.restoreAllMocks();
});

async function after<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  await vi.runAllTimersAsync();
  return promise;
}

/** An answer that comes when the time that was asked for is over. */
function late(step: Step, ms: number): Step {
  return (signal) => new Promise((resolve) => setTimeout(() => resolve(step(signal)), ms));
}

const waitsOf = (sent: readonly { readonly path: string }[]) =>
  sent.map(({ path }) => new URLSearchParams(path.split("?")[1]).get("wait"));

describe("a result", () => {
  test("is asked for once, and without a wait, by who does not wait", async () => {
    const { client, sent, plan } = fakeGateway();
    plan(standing("retrying", { attempt: 2, reason: "no luck" }), unreachable);
    expect(await client.result("accounts", "id-1")).toEqual({
      state: "retrying",
      id: "id-1",
      attempt: 2,
      reason: "no luck",
    });
    expect((await failure(client.result("accounts", "id-1"))).code).toBe("SHARDCAST_LOG_UNAVAILABLE");
    expect(waitsOf(sent)).toEqual([null, null]);
  });

  test("is waited for in slices that connections outlive, until the time is over", async () => {
    const { client, sent, plan } = fakeGateway();
    const running = standing("running", { attempt: 1 });
    plan(late(running, 25_000), late(running, 25_000), late(running, 10_000));
    const status = await after(client.result("accounts", "id-1", { waitMs: 60_000 }));
    expect(status).toEqual({ state: "running", id: "id-1", attempt: 1 });
    expect(waitsOf(sent)).toEqual(["25", "25", "10"]);
    expect(Date.now()).toBe(1_060_000);
  });

  test("ends the wait", async () => {
    const { client, sent, plan } = fakeGateway();
    plan(late(standing("pending"), 25_000), late(ended("done"), 3_000));
    const status = await after(client.result("accounts", "id-1", { waitMs: 60_000 }));
    expect(status).toMatchObject({ state: "ended", end: "replied", id: "id-1" });
    expect(sent).toHaveLength(2);
  });

  test("is not asked for at once again where the gateway cuts the wait short", async () => {
    const { client, sent, plan } = fakeGateway();
    plan(standing("pending"), standing("pending"), standing("pending"), standing("pending"));
    await after(client.result("accounts", "id-1", { waitMs: 3_500 }));
    expect(sent.map(({ atMs }) => atMs - 1_000_000)).toEqual([0, 1_000, 2_000, 3_000]);
    expect(Date.now()).toBe(1_003_500);
  });

  test("is asked for again when the question was lost, until the time is over", async () => {
    const { client, sent, plan } = fakeGateway();
    plan(unreachable, problem("SHARDCAST_CLOSED"), silent, ended("done"));
    const status = await after(client.result("accounts", "id-1", { waitMs: 100_000 }));
    expect(status.state).toBe("ended");
    expect(sent).toHaveLength(4);
    plan(...Array.from({ length: 20 }, () => unreachable));
    const error = await after(failure(client.result("accounts", "id-1", { waitMs: 5_000 })));
    expect(error.code).toBe("SHARDCAST_LOG_UNAVAILABLE");
    expect(sent.length).toBeLessThan(12);
  });

  test("that is unknown is not waited for", async () => {
    const { client, sent, plan } = fakeGateway();
    plan(problem("SHARDCAST_UNKNOWN_REQUEST"));
    const error = await after(failure(client.result("accounts", "id-1", { waitMs: 60_000 })));
    expect(error.code).toBe("SHARDCAST_UNKNOWN_REQUEST");
    expect(sent).toHaveLength(1);
  });

  test("is not waited for any more when the caller is gone, or the client closed", async () => {
    const { client, plan } = fakeGateway();
    plan(standing("pending"), standing("pending"));
    const caller = new AbortController();
    const aborted = failure(client.result("accounts", "a", { waitMs: 60_000, signal: caller.signal }));
    const closed = failure(client.result("accounts", "b", { waitMs: 60_000 }));
    await vi.advanceTimersByTimeAsync(500);
    caller.abort();
    await client.close();
    expect((await aborted).code).toBe("SHARDCAST_ABORTED");
    expect((await closed).code).toBe("SHARDCAST_CLOSED");
  });
});
