import { type ErrorCode, ShardcastError, toProblem } from "@shardcast/protocol";
import { describe, expect, it } from "vitest";
import { startBoth } from "./support/gateway.ts";
import { call, keepAlive, problemOf } from "./support/http.ts";

function failure(code: ErrorCode, status?: number, extensions = {}) {
  const error = new ShardcastError(code, "said by the worker", {
    ...(status === undefined ? {} : { status }),
    extensions,
  });
  return {
    status: error.status >= 200 && error.status <= 599 ? error.status : 500,
    error: code,
    body: Buffer.from(JSON.stringify(toProblem(error))),
  };
}

describe("errors over HTTP", () => {
  it.each([
    ["SHARDCAST_HANDLER_REFUSED", undefined, 422],
    ["SHARDCAST_HANDLER_REFUSED", 409, 409],
    ["SHARDCAST_UNKNOWN_HANDLER", undefined, 404],
    ["SHARDCAST_ATTEMPTS_EXHAUSTED", undefined, 502],
    ["SHARDCAST_DEADLINE_EXCEEDED", undefined, 504],
    // A status that is no error's: the table decides.
    ["SHARDCAST_HANDLER_REFUSED", 200, 422],
    ["SHARDCAST_HANDLER_REFUSED", 99, 422],
    ["SHARDCAST_HANDLER_REFUSED", 6000, 422],
  ] as const)("answers a worker's %s (%s) with %i", async (code, status, expected) => {
    const { gateway } = await startBoth(() => failure(code, status, { balance: 3 }));
    const problem = problemOf(await call(gateway, "/v1/accounts/keys/1"));
    expect(problem).toMatchObject({ status: expected, code, detail: "said by the worker", balance: 3 });
    expect(problem.type).toBe(`urn:shardcast:problem:${code}`);
  });

  it("answers a failed reply without a problem document all the same", async () => {
    const { gateway } = await startBoth(() => ({
      status: 502,
      error: "SHARDCAST_ATTEMPTS_EXHAUSTED",
      body: Buffer.from("{"),
    }));
    expect(problemOf(await call(gateway, "/v1/accounts/keys/1")).code).toBe("SHARDCAST_ATTEMPTS_EXHAUSTED");
  });

  it.each([
    ["POST", "/v1/unknown/keys/1", "SHARDCAST_UNKNOWN_SERVICE"],
    ["POST", "/v1/constructor/keys/1", "SHARDCAST_UNKNOWN_SERVICE"],
    ["POST", "/v1/__proto__/keys/1", "SHARDCAST_UNKNOWN_SERVICE"],
    ["POST", "/v1/accounts", "SHARDCAST_NOT_FOUND"],
    ["POST", "/", "SHARDCAST_NOT_FOUND"],
    ["DELETE", "/v1/accounts/keys/1", "SHARDCAST_NOT_FOUND"],
    ["POST", "/v1/accounts/shards", "SHARDCAST_NOT_FOUND"],
    ["PROPFIND", "/v1/accounts/keys/1", "SHARDCAST_NOT_FOUND"],
    ["OPTIONS", "*", "SHARDCAST_NOT_FOUND"],
  ])("%s %s is not found", async (method, path, code) => {
    const { gateway } = await startBoth(() => ({}));
    const answer = await call(gateway, path, { method, headers: { "content-type": "odd" } });
    expect(problemOf(answer)).toMatchObject({ status: 404, code });
  });

  it("refuses a body over the limit, whether its length is announced or not", async () => {
    const { gateway, worker } = await startBoth(() => ({}), { bodyLimitBytes: 1000 });
    const agent = keepAlive();
    for (const headers of [{}, { "transfer-encoding": "chunked" }] as Record<string, string>[]) {
      const answer = await call(gateway, "/v1/accounts/keys/1", { headers, body: Buffer.alloc(1001), agent });
      expect(problemOf(answer)).toMatchObject({ status: 413, code: "SHARDCAST_BODY_TOO_LARGE" });
    }
    const { status } = await call(gateway, "/v1/accounts/keys/1", { body: Buffer.alloc(1000), agent });
    expect(status).toBe(200);
    expect(worker.requests.length).toBe(1);
  });

  it("says so to a caller who is still sending megabytes", async () => {
    const { gateway } = await startBoth(() => ({}), { bodyLimitBytes: 1000 });
    for (let round = 0; round < 5; round++) {
      const answer = await call(gateway, "/v1/accounts/keys/1", { body: Buffer.alloc(5_000_000) });
      expect(answer.status).toBe(413);
    }
  });

  it("takes 900,000 bytes by default, and no more", async () => {
    const { gateway } = await startBoth(() => ({}));
    expect((await call(gateway, "/v1/accounts/keys/1", { body: Buffer.alloc(900_000) })).status).toBe(200);
    expect((await call(gateway, "/v1/accounts/keys/1", { body: Buffer.alloc(900_001) })).status).toBe(413);
  });

  it("refuses a record that the log does not take", async () => {
    const { gateway } = await startBoth(() => ({}), { bodyLimitBytes: 2_000_000 });
    const answer = await call(gateway, "/v1/accounts/keys/1", { body: Buffer.alloc(1_500_000) });
    expect(problemOf(answer)).toMatchObject({ status: 413, code: "SHARDCAST_BODY_TOO_LARGE" });
    expect(gateway.pending).toBe(0);
  });
});
