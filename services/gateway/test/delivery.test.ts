import { describe, expect, it } from "vitest";
import { notBeforeOf } from "../src/delay.ts";
import { startBoth } from "./support/gateway.ts";
import { call, problemOf } from "./support/http.ts";

const limits = { maxDelayMs: 604_800_000 };

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
