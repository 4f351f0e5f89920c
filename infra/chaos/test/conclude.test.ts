import { describe, expect, test } from "vitest";
import { conclude } from "../src/load/conclude.ts";

function problem(status: number, code: string, requestId?: string) {
  return conclude({ kind: "answer", status, requestId, body: JSON.stringify({ code }) });
}

describe("what a caller may conclude", () => {
  test("2xx: it is done, by whom the answer says", () => {
    const answered = { id: "x", key: "a", n: 1, token: 4 };
    const body = JSON.stringify(answered);
    expect(conclude({ kind: "answer", status: 200, requestId: "x", body })).toEqual({
      kind: "done",
      id: "x",
      answered,
    });
  });

  test("no connection: it was never sent", () => {
    expect(conclude({ kind: "unsent", code: "ECONNREFUSED" })).toEqual({
      kind: "refused",
      why: "ECONNREFUSED",
    });
  });

  test.each(["ECONNRESET", "TimeoutError"])("%s: anything may have come of it", (code) => {
    expect(conclude({ kind: "lost", code })).toEqual({ kind: "unknown", why: code });
  });

  test.each([
    [504, "SHARDCAST_DEADLINE_EXCEEDED"],
    [503, "SHARDCAST_LOG_UNAVAILABLE"],
    [499, "SHARDCAST_ABORTED"],
    [500, "SHARDCAST_INTERNAL"],
  ])("%s %s: it may be on the log", (status, code) => {
    expect(problem(status, code, "x")).toEqual({ kind: "unknown", why: code });
  });

  test.each([
    [503, "SHARDCAST_OVERLOADED"],
    [429, "SHARDCAST_LANE_BUSY"],
  ])("%s %s: it was not accepted", (status, code) => {
    expect(problem(status, code, "x")).toEqual({ kind: "refused", why: code });
  });

  test("a gateway that closes has refused it at the door, or leaves what it had taken open", () => {
    expect(problem(503, "SHARDCAST_CLOSED")).toMatchObject({ kind: "refused" });
    expect(problem(503, "SHARDCAST_CLOSED", "x")).toMatchObject({ kind: "unknown" });
  });

  test("exhausted attempts: it was accepted and has failed for good", () => {
    expect(problem(502, "SHARDCAST_ATTEMPTS_EXHAUSTED", "x")).toMatchObject({ kind: "failed", id: "x" });
  });

  test("an answer that is no problem document says nothing", () => {
    expect(conclude({ kind: "answer", status: 502, requestId: undefined, body: "bad gateway" })).toEqual({
      kind: "unknown",
      why: "HTTP 502",
    });
  });
});
