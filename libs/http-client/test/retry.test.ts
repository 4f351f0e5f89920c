import { isShardcastError } from "@shardcast/protocol";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { failure } from "./behaviour.ts";
import { answer, fakeGateway, handled, problem, silent, unreachable } from "./support/fake-gateway.ts";

/** Pauses are as long as they may be, so that they can be foretold. */
beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  vi.spyOn(Math, "random").mockReturnValue(0.999_999_9);
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** What comes of it, when the time that it takes has passed. */
async function after<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  await vi.runAllTimersAsync();
  return promise;
}

const IDEMPOTENT = { idempotencyKey: "once", timeoutMs: 60_000 };
const BUSY = { "content-type": "text/html" };

describe("a request with an idempotency key", () => {
  test("is sent again as it was when it was lost, with what is left of its time (C5, C8)", async () => {
    const { client, sent, plan } = fakeGateway();
    plan(unreachable, unreachable, answer(502, "<h1>Bad gateway", BUSY), handled("done"));
    const reply = await after(
      client.request("accounts", "carol", { a: 1 }, { ...IDEMPOTENT, handler: "deposit" }),
    );
    expect(new TextDecoder().decode(reply.body)).toBe("done");
    expect(sent).toHaveLength(4);
    for (const { method, path, body, headers } of sent) {
      expect([method, path, body]).toEqual(["POST", "/v1/accounts/keys/carol/deposit", '{"a":1}']);
      expect(headers.get("idempotency-key")).toBe('"once"');
      expect(headers.get("content-type")).toBe("application/json");
    }
    expect(sent.map(({ atMs }) => atMs - 1_000_000)).toEqual([0, 100, 300, 700].map(near));
    const times = sent.map(({ headers }) => Number(headers.get("request-timeout")) * 1_000);
    expect(times).toEqual(sent.map(({ atMs }) => 60_000 - (atMs - 1_000_000)));
  });

  test("waits longer and longer, up to a limit, each time for a random time from half of it", async () => {
    const { client, sent, plan } = fakeGateway({ retry: { minMs: 1_000, maxMs: 3_000 } });
    plan(unreachable, unreachable, unreachable, unreachable, handled("done"));
    vi.mocked(Math.random).mockReturnValueOnce(0);
    await after(client.request("accounts", "carol", {}, IDEMPOTENT));
    expect(sent.map(({ atMs }) => atMs - 1_000_000)).toEqual([0, 500, 2_500, 5_500, 8_500].map(near));
  });

  test("is sent again no sooner than the gateway wants (C7)", async () => {
    const { client, sent, plan } = fakeGateway();
    const date = new Date(1_000_000 + 7_000).toUTCString();
    plan(
      problem("SHARDCAST_LANE_BUSY", { "retry-after": "3" }),
      problem("SHARDCAST_OVERLOADED", { "retry-after": date }),
      problem("SHARDCAST_CLOSED", { "retry-after": "soon" }),
      answer(429, "too many", { "retry-after": "5" }),
      problem("SHARDCAST_LOG_UNAVAILABLE"),
      handled("done"),
    );
    await after(client.request("accounts", "carol", {}, IDEMPOTENT));
    const times = [0, 3_100, 7_200, 7_600, 13_400, 15_000];
    expect(sent.map(({ atMs }) => atMs - 1_000_000)).toEqual(times.map(near));
  });

  test("is not sent again when that would be too late (C8)", async () => {
    const { client, sent, plan } = fakeGateway();
    plan(unreachable, problem("SHARDCAST_OVERLOADED", { "retry-after": "10" }));
    const error = await after(
      failure(client.request("accounts", "carol", {}, { ...IDEMPOTENT, timeoutMs: 10_000 })),
    );
    expect(error.code).toBe("SHARDCAST_OVERLOADED");
    expect(sent).toHaveLength(2);
    expect(Date.now()).toBeLessThan(1_010_000);
  });

  test.each([
    ["a handler's 503", answer(503, "down", { "shardcast-request-id": "id-1" }), undefined],
    ["a handler's refusal", problem("SHARDCAST_HANDLER_REFUSED"), "SHARDCAST_HANDLER_REFUSED"],
    ["a mismatch", problem("SHARDCAST_IDEMPOTENCY_MISMATCH"), "SHARDCAST_IDEMPOTENCY_MISMATCH"],
    ["a deadline", problem("SHARDCAST_DEADLINE_EXCEEDED"), "SHARDCAST_DEADLINE_EXCEEDED"],
    ["what the log refuses", problem("SHARDCAST_LOG_REFUSED"), "SHARDCAST_LOG_REFUSED"],
    ["a login page", answer(401, "who are you?"), "SHARDCAST_LOG_REFUSED"],
  ])("is not sent again after %s", async (_, step, code) => {
    const { client, sent, plan } = fakeGateway();
    plan(step);
    const came = after(client.request("accounts", "carol", {}, IDEMPOTENT)).catch((error: unknown) => error);
    const outcome = await came;
    expect(isShardcastError(outcome) ? outcome.code : undefined).toBe(code);
    expect(sent).toHaveLength(1);
  });

  test("is not sent again when the caller is gone, or the client closed", async () => {
    const { client, sent, plan } = fakeGateway({ retry: { minMs: 10_000 } });
    plan(unreachable, unreachable);
    const caller = new AbortController();
    const aborted = failure(client.request("accounts", "a", {}, { ...IDEMPOTENT, signal: caller.signal }));
    const closed = failure(client.request("accounts", "b", {}, IDEMPOTENT));
    await vi.advanceTimersByTimeAsync(1_000);
    caller.abort();
    expect((await aborted).code).toBe("SHARDCAST_ABORTED");
    await client.close();
    expect((await closed).code).toBe("SHARDCAST_CLOSED");
    expect(sent).toHaveLength(2);
  });

  test("that is cancelled with its connection is not sent again when that was lost, but when it was refused", async () => {
    const { client, sent, plan } = fakeGateway();
    const options = { ...IDEMPOTENT, cancelOnAbort: true };
    plan(problem("SHARDCAST_LANE_BUSY"), unreachable);
    const error = await after(failure(client.request("accounts", "carol", {}, options)));
    expect(error.code).toBe("SHARDCAST_LOG_UNAVAILABLE");
    expect(sent.map(({ headers }) => headers.get("shardcast-on-disconnect"))).toEqual(["cancel", "cancel"]);
  });
});

describe("a request without an idempotency key", () => {
  test.each([
    ["lost", unreachable],
    ["refused for now", problem("SHARDCAST_LANE_BUSY")],
    ["lost behind a proxy", answer(504, "")],
  ])("is sent once when it was %s (C4)", async (_, step) => {
    const { client, sent, plan } = fakeGateway();
    plan(step);
    await after(failure(client.request("accounts", "carol")));
    expect(sent).toHaveLength(1);
    expect(sent[0]?.headers.has("idempotency-key")).toBe(false);
  });

  test("is sent again where the caller wants that, with a key of its own (C5)", async () => {
    const { client, sent, plan } = fakeGateway();
    plan(unreachable, handled("done"), handled("done"));
    await after(client.request("accounts", "carol", {}, { retry: true }));
    await after(client.request("accounts", "carol", {}, { retry: true }));
    const keys = sent.map(({ headers }) => headers.get("idempotency-key"));
    expect(keys[0]).toMatch(/^"[0-9a-f]{32}"$/);
    expect(keys[1]).toBe(keys[0]);
    expect(keys[2]).not.toBe(keys[0]);
  });

  test("has a key and is sent once all the same where the caller wants that", async () => {
    const { client, sent, plan } = fakeGateway();
    plan(unreachable);
    await after(failure(client.request("accounts", "carol", {}, { ...IDEMPOTENT, retry: false })));
    expect(sent).toHaveLength(1);
  });
});

describe("a gateway that says nothing", () => {
  test("is given a second more than the request, for its own word (C8)", async () => {
    const { client, plan } = fakeGateway();
    plan(silent);
    const error = await after(failure(client.request("accounts", "carol", {}, IDEMPOTENT)));
    expect(error).toMatchObject({
      code: "SHARDCAST_DEADLINE_EXCEEDED",
      message: "no reply within 60000 ms",
    });
    expect(Date.now() - 1_000_000).toBe(61_000);
  });

  test("is given up where nobody has to wait (C7)", async () => {
    const { client } = fakeGateway();
    for (const [call, limitMs] of [
      [() => client.submit("accounts", "carol"), 30_000],
      [() => client.submit("accounts", "carol", {}, { waitMs: 5_000 }), 35_000],
      [() => client.result("accounts", "id-1"), 30_000],
      [() => client.cancel("accounts", "id-1"), 30_000],
      [() => client.owner("accounts", "carol"), 30_000],
      [() => client.shards("accounts"), 30_000],
      [() => client.events("accounts", "id-1")[Symbol.asyncIterator]().next(), 30_000],
      [() => client.watchOwner("accounts", "carol")[Symbol.asyncIterator]().next(), 30_000],
    ] as const) {
      const beganMs = Date.now();
      const error = await after(failure(call()));
      expect(error).toMatchObject({ code: "SHARDCAST_LOG_UNAVAILABLE", retryable: true });
      expect(Date.now() - beganMs).toBe(limitMs);
    }
  });

  test("is waited for as long as a timer can, not for no time at all", async () => {
    const { client, plan } = fakeGateway();
    const timeoutMs = 2 ** 31 - 1;
    plan(silent);
    await after(failure(client.request("accounts", "carol", {}, { timeoutMs })));
    expect(Date.now() - 1_000_000).toBe(timeoutMs);
  });

  test("leaves nothing behind at the caller's signal", async () => {
    const { client, plan } = fakeGateway();
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, "addEventListener");
    const removed = vi.spyOn(signal, "removeEventListener");
    plan(unreachable, handled("done"), silent);
    await after(client.request("accounts", "carol", {}, { ...IDEMPOTENT, signal }));
    await after(failure(client.result("accounts", "id-1", { signal })));
    expect(added).toHaveBeenCalledTimes(2);
    expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(
      added.mock.calls.map(([, listener]) => listener),
    );
  });
});

/** Beside the randomness, which is never quite 1. */
function near(ms: number): unknown {
  return expect.toSatisfy((at: number) => Math.abs(at - ms) <= 10, `about ${ms}`);
}
