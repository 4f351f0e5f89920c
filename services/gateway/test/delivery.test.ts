import { describe, expect, it } from "vitest";
import { notBeforeOf } from "../src/delay.ts";
import { deliveryOf } from "../src/delivery.ts";
import { idempotencyKeyOf } from "../src/idempotency-key.ts";
import { cancelsOnDisconnect } from "../src/on-disconnect.ts";
import { parsePrefer } from "../src/preferences.ts";
import { startBoth } from "./support/gateway.ts";
import { call, problemOf } from "./support/http.ts";

const limits = { defaultTimeoutMs: 30_000, maxTimeoutMs: 300_000, maxDelayMs: 604_800_000 };

describe("deliveryOf: who waits", () => {
  it.each([
    [{}, 30_000],
    [{ "request-timeout": "5" }, 5_000],
    [{ "request-timeout": "0.25" }, 250],
    [{ "request-timeout": "0.0001" }, 1],
    [{ "request-timeout": "999999999" }, 300_000],
    [{ prefer: "return=minimal" }, 30_000],
    [{ prefer: "" }, 30_000],
  ])("%j waits %i ms, to the deadline", (headers, timeoutMs) => {
    expect(deliveryOf(headers, limits)).toEqual({ kind: "wait", timeoutMs });
  });

  it.each(["0", "0.0", "-1", "5s", "1e3", "", " ", "Infinity", "NaN", "5, 6", "1_000", "٣", "1".repeat(10)])(
    "refuses Request-Timeout: %j",
    (value) => {
      expect(() => deliveryOf({ "request-timeout": value }, limits)).toThrow(/Request-Timeout/);
    },
  );
});

describe("deliveryOf: who asks later", () => {
  it.each([
    ["respond-async", undefined, "respond-async"],
    ["Respond-Async; x=y", undefined, "respond-async"],
    ["wait=7", 7_000, "wait=7"],
    ['wait="7.5"', 7_500, "wait=7.5"],
    ["WAIT = 7", 7_000, "wait=7"],
    ["return=minimal, wait=7; x=y, foo", 7_000, "wait=7"],
    ["wait=7, wait=1", 7_000, "wait=7"],
    ['foo="a, wait=1", wait=7', 7_000, "wait=7"],
    ["wait=9999", 300_000, "wait=9999"],
    ["respond-async, wait=5", 5_000, "respond-async, wait=5"],
  ])("Prefer: %s", (prefer, waitMs, applied) => {
    const recorded = { kind: "recorded", applied, ...(waitMs === undefined ? {} : { waitMs }) };
    expect(deliveryOf({ prefer }, limits)).toEqual(recorded);
    // C8: a deadline of a day holds no connection, so it is left alone.
    expect(deliveryOf({ prefer, "request-timeout": "86400" }, limits)).toEqual({
      ...recorded,
      timeoutMs: 86_400_000,
    });
  });

  it.each(["wait", "wait=", "wait=0", "wait=abc", "wait=5s", 'wait="-1"', "respond-async, wait=soon"])(
    "refuses Prefer: %s",
    (prefer) => {
      expect(() => deliveryOf({ prefer }, limits)).toThrow(/Prefer: /);
    },
  );
});

describe("idempotencyKeyOf", () => {
  const longest = "k".repeat(255);
  it.each([
    ['"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"],
    ["8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"],
    ['"a b \\"c\\" \\\\"', 'a b "c" \\'],
    [' "padded" ', "padded"],
    ['"with"; parameter=1', "with"],
    ["42", "42"],
    ["orders/7:pay", "orders/7:pay"],
    [`"${longest}"`, longest],
    [longest, longest],
  ])("reads %j", (header, key) => {
    expect(idempotencyKeyOf({ "idempotency-key": header })).toBe(key);
  });

  it.each([
    "",
    '""',
    '"open',
    '"a", "b"',
    "a, b",
    "a b",
    '"\u00e4"',
    "ä",
    "?1;",
    '"a" b',
    `"${"k".repeat(256)}"`,
    "k".repeat(256),
  ])("refuses %j", (header) => {
    expect(() => idempotencyKeyOf({ "idempotency-key": header })).toThrow(/Idempotency-Key/);
  });
});

describe("notBeforeOf", () => {
  const recorded = { kind: "recorded", applied: "respond-async" } as const;

  it("reads Delay as seconds from now, and Delay-Until as a date", () => {
    const nowMs = Date.now();
    const inTenMs = notBeforeOf({ delay: "10" }, recorded, limits) as number;
    expect(inTenMs).toBeGreaterThanOrEqual(nowMs + 10_000);
    expect(inTenMs).toBeLessThan(nowMs + 20_000);
    expect(notBeforeOf({}, recorded, limits)).toBeUndefined();
    const soonMs = Math.ceil((nowMs + 60_000) / 1_000) * 1_000;
    const soon = new Date(soonMs);
    for (const until of [soon.toUTCString(), soon.toISOString(), soon.toISOString().replace("Z", "+00:00")]) {
      expect(notBeforeOf({ "delay-until": until }, recorded, limits), until).toBe(soonMs);
    }
    expect(notBeforeOf({ "delay-until": "1994-11-06T08:49:37+01:00" }, recorded, limits)).toBe(
      784_108_177_000,
    );
    expect(notBeforeOf({ "delay-until": "1960-01-01T00:00:00Z" }, recorded, limits)).toBe(0);
  });

  it.each([
    [{ delay: "soon" }, /^Delay: /],
    [{ delay: "-1" }, /^Delay: /],
    [{ delay: "604801" }, /^Delay: at most 604800 seconds/],
    [{ "delay-until": "tomorrow" }, /^Delay-Until: /],
    [{ "delay-until": "2030-01-31" }, /^Delay-Until: /],
    [{ "delay-until": "2030-01-31T12:00:00" }, /^Delay-Until: /],
    [{ "delay-until": "2030-13-31T12:00:00Z" }, /^Delay-Until: /],
    [{ "delay-until": "9999-01-01T00:00:00Z" }, /^Delay-Until: at most/],
    [{ delay: "1", "delay-until": "2030-01-31T12:00:00Z" }, /^Delay-Until: .*Delay/],
  ])("refuses %j by name", (headers, message) => {
    expect(() => notBeforeOf(headers, recorded, limits)).toThrow(message);
  });

  it("C8: refuses a delay that the deadline does not leave room for", () => {
    const wait = { kind: "wait", timeoutMs: 5_000 } as const;
    expect(notBeforeOf({ delay: "4" }, wait, limits)).toBeGreaterThan(Date.now());
    expect(() => notBeforeOf({ delay: "5" }, wait, limits)).toThrow(/^Delay: .*respond-async/);
    expect(() => notBeforeOf({ delay: "5" }, { ...recorded, timeoutMs: 5_000 }, limits)).toThrow(/^Delay: /);
    expect(notBeforeOf({ delay: "5" }, { ...recorded, waitMs: 1 }, limits)).toBeGreaterThan(Date.now());
  });
});

it("cancelsOnDisconnect knows one word", () => {
  expect(cancelsOnDisconnect({})).toBe(false);
  expect(cancelsOnDisconnect({ "shardcast-on-disconnect": "cancel" })).toBe(true);
  expect(() => cancelsOnDisconnect({ "shardcast-on-disconnect": "keep" })).toThrow(/Shardcast-On-Disconnect/);
});

describe("parsePrefer", () => {
  it("reads tokens, words, quoted words and leaves parameters and nonsense out", () => {
    expect(parsePrefer('A; p="x, y", b=c ;d, e="f \\" , g", =h, i j, ,, k')).toEqual([
      { name: "a", value: "" },
      { name: "b", value: "c" },
      { name: "e", value: 'f " , g' },
      { name: "k", value: "" },
    ]);
  });

  it("takes no time for a hostile header", () => {
    const startedMs = performance.now();
    for (const header of [
      '"'.repeat(16_000),
      `a${" ".repeat(16_000)}b`,
      "a=".repeat(8_000),
      `a;${'"\\'.repeat(8_000)}`,
    ]) {
      parsePrefer(header);
    }
    expect(performance.now() - startedMs).toBeLessThan(200);
  });
});

describe("a deadline over HTTP", () => {
  it("ends with 504", async () => {
    const { gateway, worker } = await startBoth(() => undefined);
    const sentMs = Date.now();
    const answer = await call(gateway, "/v1/accounts/keys/1", { headers: { "request-timeout": "0.05" } });
    expect(problemOf(answer)).toMatchObject({ status: 504, code: "SHARDCAST_DEADLINE_EXCEEDED" });
    expect(answer.headers).not.toHaveProperty("retry-after");
    // C8: the worker was told the same deadline.
    const deadlineMs = worker.requests[0]?.deadlineMs ?? 0;
    expect(deadlineMs).toBeGreaterThanOrEqual(sentMs + 50);
    expect(deadlineMs).toBeLessThan(sentMs + 5_000);
    expect(gateway.pending).toBe(0);
  });

  it("is the configured one where the caller says nothing", async () => {
    const { gateway } = await startBoth(() => undefined, { defaultTimeoutMs: 20 });
    expect((await call(gateway, "/v1/accounts/keys/1")).status).toBe(504);
  });

  it("malformed, like any other header of ours, is refused by name and never published", async () => {
    const { gateway, worker } = await startBoth(() => ({}));
    for (const [headers, name] of [
      [{ "request-timeout": "soon" }, "Request-Timeout"],
      [{ prefer: "wait=soon" }, "Prefer"],
      [{ "idempotency-key": "" }, "Idempotency-Key"],
      [{ delay: "soon" }, "Delay"],
      [{ delay: "31" }, "Delay"],
      [{ "delay-until": "soon" }, "Delay-Until"],
      [{ "shardcast-on-disconnect": "run" }, "Shardcast-On-Disconnect"],
    ] as [Record<string, string>, string][]) {
      const problem = problemOf(await call(gateway, "/v1/accounts/keys/1", { headers }));
      expect(problem).toMatchObject({ status: 400, code: "SHARDCAST_INVALID_REQUEST" });
      expect(problem.detail).toContain(name);
    }
    expect(worker.requests).toEqual([]);
  });
});
