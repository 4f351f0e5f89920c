import { describe, expect, it } from "vitest";
import { deliveryOf, preferred } from "../src/delivery.ts";

const limits = { defaultTimeoutMs: 30_000, maxTimeoutMs: 300_000 };

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

it("preferred is what of Prefer deliveryOf goes by", () => {
  expect(preferred({}, 300_000)).toBeUndefined();
  expect(preferred({ prefer: "return=minimal" }, 300_000)).toBeUndefined();
  const recorded = { kind: "recorded", waitMs: 300_000, applied: "wait=301, respond-async" };
  expect(preferred({ prefer: "wait=301, respond-async" }, 300_000)).toEqual(recorded);
});
