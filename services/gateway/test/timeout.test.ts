import { describe, expect, it } from "vitest";
import { parsePrefer } from "../src/preferences.ts";
import { timeoutOf } from "../src/timeout.ts";
import { startBoth } from "./support/gateway.ts";
import { call, problemOf } from "./support/http.ts";

const limits = { defaultTimeoutMs: 30_000, maxTimeoutMs: 300_000 };

describe("timeoutOf", () => {
  it.each([
    [{}, 30_000],
    [{ "request-timeout": "5" }, 5_000],
    [{ "request-timeout": "0.25" }, 250],
    [{ "request-timeout": "0.0001" }, 1],
    [{ "request-timeout": "999999999" }, 300_000],
    [{ prefer: "wait=7" }, 7_000],
    [{ prefer: 'wait="7.5"' }, 7_500],
    [{ prefer: "WAIT = 7" }, 7_000],
    [{ prefer: "return=minimal, wait=7; x=y, foo" }, 7_000],
    [{ prefer: "wait=7, wait=1" }, 7_000],
    [{ prefer: 'foo="a, wait=1", wait=7' }, 7_000],
    [{ prefer: "return=minimal" }, 30_000],
    [{ prefer: "" }, 30_000],
    [{ prefer: "wait=7", "request-timeout": "9" }, 7_000],
    [{ prefer: "wait=9", "request-timeout": "7" }, 7_000],
    [{ prefer: "wait=9999" }, 300_000],
  ])("%j is %i ms", (headers, expected) => {
    expect(timeoutOf(headers, limits)).toBe(expected);
  });

  it.each(["0", "0.0", "-1", "5s", "1e3", "", " ", "Infinity", "NaN", "5, 6", "1_000", "٣", "1".repeat(10)])(
    "refuses Request-Timeout: %j",
    (value) => {
      expect(() => timeoutOf({ "request-timeout": value }, limits)).toThrow(/Request-Timeout/);
    },
  );

  it.each([
    "wait",
    "wait=",
    "wait=0",
    "wait=abc",
    "wait=5s",
    'wait="-1"',
    "respond-async",
    "respond-async, wait=5",
  ])("refuses Prefer: %s", (prefer) => {
    expect(() => timeoutOf({ prefer }, limits)).toThrow(/Prefer: /);
  });
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
  it.each([{ "request-timeout": "0.05" }, { prefer: "wait=0.05" }] as Record<string, string>[])(
    "%j ends with 504",
    async (headers) => {
      const { gateway, worker } = await startBoth(() => undefined);
      const sentMs = Date.now();
      const answer = await call(gateway, "/v1/accounts/keys/1", { headers });
      expect(problemOf(answer)).toMatchObject({ status: 504, code: "SHARDCAST_DEADLINE_EXCEEDED" });
      expect(answer.headers).not.toHaveProperty("retry-after");
      // C8: the worker was told the same deadline.
      const deadlineMs = worker.requests[0]?.deadlineMs ?? 0;
      expect(deadlineMs).toBeGreaterThanOrEqual(sentMs + 50);
      expect(deadlineMs).toBeLessThan(sentMs + 5_000);
      expect(gateway.pending).toBe(0);
    },
  );

  it("is the configured one where the caller says nothing", async () => {
    const { gateway } = await startBoth(() => undefined, { defaultTimeoutMs: 20 });
    expect((await call(gateway, "/v1/accounts/keys/1")).status).toBe(504);
  });

  it("malformed, is refused by name and never published", async () => {
    const { gateway, worker } = await startBoth(() => ({}));
    for (const [headers, name] of [
      [{ "request-timeout": "soon" }, "Request-Timeout"],
      [{ prefer: "wait=soon" }, "Prefer"],
      [{ prefer: "respond-async" }, "Prefer: respond-async"],
    ] as [Record<string, string>, string][]) {
      const problem = problemOf(await call(gateway, "/v1/accounts/keys/1", { headers }));
      expect(problem).toMatchObject({ status: 400, code: "SHARDCAST_INVALID_REQUEST" });
      expect(problem.detail).toContain(name);
    }
    expect(worker.requests).toEqual([]);
  });
});
