import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type Handler, RetryableError, reply, TerminalError } from "../src/index.ts";
import { Stage } from "./support/stage.ts";
import { DEAD, quiet, REQUESTS, World } from "./support/world.ts";

/** A handler that throws these, one a call, then answers "done"; and the attempt of each call. */
function throwing(...errors: unknown[]): { handler: Handler; attempts: number[] } {
  const attempts: number[] = [];
  const handler: Handler = (_, { attempt }) => {
    attempts.push(attempt);
    const n = attempts.length - 1;
    if (n < errors.length) throw errors[n];
    return "done";
  };
  return { handler, attempts };
}

describe("what a handler throws", () => {
  test.each<[string, unknown]>([
    ["an Error", new Error("boom")],
    ["a TypeError, which p-retry would take for final", new TypeError("x is not a function")],
    ["a RetryableError", new RetryableError("later")],
    ["undefined", undefined],
    ["a text", "boom"],
    ["an object without a prototype", Object.create(null)],
    ["a p-retry AbortError look-alike", Object.assign(new Error("stop"), { name: "AbortError" })],
  ])("%s is tried again, with attempts counted from 1", async (_, thrown) => {
    const world = await World.open();
    const { handler, attempts } = throwing(thrown, thrown);
    await world.start({ defaultHandler: handler });
    const { body, status } = await (await world.client()).request("accounts", "k");
    expect([status, body.toString()]).toEqual([200, "done"]);
    expect(attempts).toEqual([1, 2, 3]);
    expect(world.logged("handler failed").map(({ attempt, retriesLeft }) => [attempt, retriesLeft])).toEqual([
      [1, 4],
      [2, 3],
    ]);
    expect(world.records(DEAD)).toEqual([]);
  });

  test("maxAttempts 1 is one call", async () => {
    const world = await World.open();
    const { handler, attempts } = throwing(new Error("boom"), new Error("boom"));
    await world.start({ maxAttempts: 1, defaultHandler: handler });
    await expect((await world.client()).request("accounts", "k")).rejects.toMatchObject({
      code: "SHARDCAST_ATTEMPTS_EXHAUSTED",
      message: "the handler failed once: boom",
      extensions: { attempts: 1 },
    });
    expect(attempts).toEqual([1]);
  });

  test("a redriven request counts its attempts on", async () => {
    const world = await World.open();
    const { handler, attempts } = throwing(new Error("boom"));
    await world.start({ defaultHandler: handler });
    await world.send("k", "", { attempt: 6 });
    await world.committedAt(1);
    expect(attempts).toEqual([6, 7]);
  });
});

describe("a request whose attempts are exhausted", () => {
  test("C3 C9: lies in the dead letters as it was, with why; its caller is told; its key goes on", async () => {
    const world = await World.open();
    await world.start({
      maxAttempts: 3,
      handlers: {
        deposit: () => {
          throw new Error("no funds");
        },
      },
      defaultHandler: () => "fine",
    });
    const client = await world.client();
    const before = Date.now();
    const failing = client.request("accounts", "k", "cash", {
      handler: "deposit",
      contentType: "text/x",
      headers: { color: "red" },
    });
    const next = client.request("accounts", "k", "next");
    await expect(failing).rejects.toMatchObject({
      code: "SHARDCAST_ATTEMPTS_EXHAUSTED",
      status: 502,
      message: "the handler failed 3 times: no funds",
      extensions: { attempts: 3 },
    });
    expect((await next).body.toString()).toBe("fine");

    const [letter] = await world.dead(1);
    const [original] = world.records(REQUESTS);
    expect(letter?.key).toEqual(Buffer.from("k"));
    expect(letter?.value).toEqual(Buffer.from("cash"));
    expect(letter?.headers).toMatchObject(original?.headers ?? {});
    expect(letter?.text).toMatchObject({
      "http-color": "red",
      "content-type": "text/x",
      "sc-dead-code": "SHARDCAST_ATTEMPTS_EXHAUSTED",
      "sc-dead-reason": "the handler failed 3 times: no funds",
      "sc-dead-attempts": "3",
      "sc-dead-origin": `${REQUESTS}/0/0`,
      "sc-dead-member": "0",
    });
    expect(Number(letter?.text["sc-dead-at"])).toBeGreaterThanOrEqual(before);
    expect(letter?.text).not.toHaveProperty("sc-dead-truncated");
  });

  test.each<[string, unknown, string]>([
    ["no Error", "boom", "boom"],
    ["without a text", Object.create(null), "[object Object]"],
  ])("that threw something %s is told as well as can be", async (_, thrown, reason) => {
    const world = await World.open();
    await world.start({
      maxAttempts: 2,
      defaultHandler: () => {
        throw thrown;
      },
    });
    await world.send("k", "");
    const [letter] = await world.dead(1);
    expect(letter?.text["sc-dead-reason"]).toBe(`the handler failed 2 times: ${reason}`);
    await world.committedAt(1);
  });

  test("by a result that JSON can not write ends like one by an error", async () => {
    const world = await World.open();
    await world.start({ maxAttempts: 2, defaultHandler: () => ({ amount: 1n }) });
    await expect((await world.client()).request("accounts", "k")).rejects.toMatchObject({
      code: "SHARDCAST_ATTEMPTS_EXHAUSTED",
      message: expect.stringContaining("BigInt"),
    });
    await world.dead(1);
  });
});

describe("a TerminalError", () => {
  const refuse: Handler = () => {
    throw new TerminalError("closed account", { status: 409, details: { account: 7 } });
  };

  test("goes to the caller with its status and details, after one call and without a dead letter", async () => {
    const world = await World.open();
    const handler = vi.fn(refuse);
    await world.start({ defaultHandler: handler });
    await expect((await world.client()).request("accounts", "k")).rejects.toMatchObject({
      code: "SHARDCAST_HANDLER_REFUSED",
      status: 409,
      message: "closed account",
      extensions: { account: 7 },
    });
    await world.committedAt(1);
    expect(handler).toHaveBeenCalledTimes(1);
    expect(world.records(DEAD)).toEqual([]);
    expect(world.logged("handler failed")).toEqual([]);
  });

  test("goes to the dead letters when nobody waits", async () => {
    const world = await World.open();
    await world.start({ defaultHandler: refuse });
    await world.send("k", "");
    const [letter] = await world.dead(1);
    expect(letter?.text).toMatchObject({
      "sc-dead-code": "SHARDCAST_HANDLER_REFUSED",
      "sc-dead-reason": "closed account",
      "sc-dead-attempts": "1",
    });
  });

  test("after attempts that failed otherwise ends them", async () => {
    const world = await World.open();
    const { handler, attempts } = throwing(new Error("boom"), new TerminalError("no"));
    await world.start({ defaultHandler: handler });
    await expect((await world.client()).request("accounts", "k")).rejects.toMatchObject({
      code: "SHARDCAST_HANDLER_REFUSED",
      status: 422,
    });
    expect(attempts).toEqual([1, 2]);
  });

  test("whose details are no JSON still reaches the caller, and its key goes on", async () => {
    const world = await World.open();
    await world.start({
      handlers: {
        odd: () => {
          throw new TerminalError("odd", { status: 418, details: { amount: 1n } });
        },
      },
      defaultHandler: () => "fine",
    });
    const client = await world.client();
    await expect(client.request("accounts", "k", "", { handler: "odd" })).rejects.toMatchObject({
      code: "SHARDCAST_HANDLER_REFUSED",
      status: 418,
      message: "odd",
    });
    expect((await client.request("accounts", "k")).body.toString()).toBe("fine");
  });

  test("is known by its brand, also from another copy of the package", async () => {
    const world = await World.open();
    const foreign = Object.assign(new Error("no"), {
      [Symbol.for("shardcast.terminal-error")]: true,
      status: 404,
      details: {},
    });
    const { handler, attempts } = throwing(foreign, foreign);
    await world.start({ defaultHandler: handler });
    await expect((await world.client()).request("accounts", "k")).rejects.toMatchObject({ status: 404 });
    expect(attempts).toEqual([1]);
  });

  test("with a body that is no JSON: the handler's json() refuses with 400", async () => {
    const world = await World.open();
    await world.start({ defaultHandler: (request) => request.json() });
    const client = await world.client();
    await expect(client.request("accounts", "k", "{")).rejects.toMatchObject({ status: 400 });
    expect((await client.request("accounts", "k", "[1]")).body.toString()).toBe("[1]");
  });

  test.each([399, 600, 404.5])("does not take %d for a status", (status) => {
    expect(() => new TerminalError("no", { status })).toThrow(RangeError);
  });
});

describe("the time between attempts", () => {
  /** Fakes p-retry's timers; the memory log needs none of them. */
  function fakeTimers(random: number): void {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    vi.spyOn(Math, "random").mockReturnValue(random);
    onTestFinished(() => {
      vi.useRealTimers();
      vi.restoreAllMocks();
    });
  }

  test.each([
    ["least", 0, [100, 200, 400, 500]],
    ["most", 0.999_999, [200, 400, 500, 500]],
  ])("doubles from the first to the longest wait, with the %s jitter", async (_, random, waits) => {
    const world = await World.open();
    fakeTimers(random);
    const stage = new Stage();
    await world.start({
      commitIntervalMs: 60_000,
      retryMinMs: 100,
      retryMaxMs: 500,
      defaultHandler: stage.handler,
    });
    await world.send("k", "");
    for (const [i, wait] of waits.entries()) {
      (await stage.started(i + 1)).fail(new Error("boom"));
      await quiet();
      await vi.advanceTimersByTimeAsync(wait - 1);
      await quiet();
      expect(stage.calls).toHaveLength(i + 1);
      await vi.advanceTimersByTimeAsync(1);
      await quiet();
      expect(stage.calls).toHaveLength(i + 2);
    }
  });

  test("is at least what a RetryableError asks for", async () => {
    const world = await World.open();
    const at: number[] = [];
    await world.start({
      defaultHandler: () => {
        at.push(performance.now());
        if (at.length === 1) throw new RetryableError("later", { retryAfterMs: 60 });
      },
    });
    await world.send("k", "");
    await world.committedAt(1);
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(59); // timers may fire a fraction early
  });

  test("is long when a RetryableError asks for longer than a timer can hold, not none", async () => {
    const world = await World.open();
    const stage = new Stage();
    await world.start({ defaultHandler: stage.handler });
    await world.send("k", "");
    (await stage.started(1)).fail(new RetryableError("never", { retryAfterMs: Number.POSITIVE_INFINITY }));
    await new Promise((resolve) => setTimeout(resolve, 20)); // an overflowing timer fires after 1 ms
    expect(stage.calls).toHaveLength(1);
  });

  test.each([-1, Number.NaN])("can not be %d", (retryAfterMs) => {
    expect(() => new RetryableError("no", { retryAfterMs })).toThrow(RangeError);
  });
});

test("hundreds of keys in backoff at once warn of no listener leak", async () => {
  const warnings: string[] = [];
  const onWarning = ({ name }: Error) => void warnings.push(name);
  process.on("warning", onWarning);
  onTestFinished(() => void process.off("warning", onWarning));
  const world = await World.open();
  const stage = new Stage();
  const { worker } = await world.start({
    concurrency: 500,
    retryMinMs: 3_600_000,
    retryMaxMs: 3_600_000,
    defaultHandler: stage.handler,
  });
  for (let i = 0; i < 300; i++) await world.send(`k${i}`, "");
  await stage.started(300);
  for (const call of stage.calls) call.fail(new RetryableError("later", { retryAfterMs: 1 }));
  await quiet();
  await worker.stop(); // and none of them holds it
  expect(stage.calls).toHaveLength(300);
  expect(warnings).toEqual([]);
});

test("results as they reach the caller", async () => {
  const world = await World.open();
  const results = {
    nothing: undefined,
    text: "text",
    bytes: new Uint8Array([1, 2]),
    json: { a: 1 },
    full: reply({ status: 201, headers: { Location: "/x" }, contentType: "text/y", body: "y" }),
  };
  await world.start({ defaultHandler: ({ handler }) => results[handler as keyof typeof results] });
  const client = await world.client();
  const ask = async (handler: string) => {
    const { status, contentType, headers, body } = await client.request("accounts", "k", "", { handler });
    return [status, contentType, { ...headers }, body.toString("latin1")];
  };
  expect(await ask("nothing")).toEqual([204, undefined, {}, ""]);
  expect(await ask("text")).toEqual([200, "text/plain; charset=utf-8", {}, "text"]);
  expect(await ask("bytes")).toEqual([200, "application/octet-stream", {}, "\u0001\u0002"]);
  expect(await ask("json")).toEqual([200, "application/json", {}, '{"a":1}']);
  expect(await ask("full")).toEqual([201, "text/y", { location: "/x" }, "y"]);
});
