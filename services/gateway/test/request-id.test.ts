import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import { isRequestId, ShardcastError, toProblem } from "@shardcast/protocol";
import { describe, expect, it } from "vitest";
import { startBoth, startGateway } from "./support/gateway.ts";
import { type Answer, call, problemOf } from "./support/http.ts";

/** The id that the header and the document both tell. */
function idOf(answer: Answer): unknown {
  const { requestId } = problemOf(answer);
  expect(answer.headers["shardcast-request-id"]).toBe(requestId);
  return requestId;
}

describe("a request that failed says which it was", () => {
  it("in time", async () => {
    const { gateway, worker } = await startBoth(() => undefined);
    const answer = await call(gateway, "/v1/accounts/keys/1", { headers: { "request-timeout": "0.05" } });
    expect(answer.status).toBe(504);
    expect(idOf(answer)).toBe(worker.requests[0]?.id);
  });

  it("in the worker, whatever that says of its id", async () => {
    const refusal = new ShardcastError("SHARDCAST_HANDLER_REFUSED", "no money", {
      extensions: { requestId: "stolen\r\nx-injected: 1", balance: 3 },
    });
    const { gateway, worker } = await startBoth(() => ({
      status: 422,
      error: "SHARDCAST_HANDLER_REFUSED",
      body: Buffer.from(JSON.stringify(toProblem(refusal))),
    }));
    const answer = await call(gateway, "/v1/accounts/keys/1");
    expect(problemOf(answer)).toMatchObject({ status: 422, balance: 3, detail: "no money" });
    expect(idOf(answer)).toBe(worker.requests[0]?.id);
  });

  it("on the log, expectedly or not", async () => {
    const log = createMemoryLog({ cluster: new MemoryCluster() });
    const { gateway } = await startGateway({ log });
    await gateway.ready;
    for (const [error, status] of [
      [new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "not confirmed in time"), 503],
      [new Error("odd"), 500],
    ] as const) {
      log.append = () => Promise.reject(error);
      const answer = await call(gateway, "/v1/accounts/keys/1");
      expect(answer.status).toBe(status);
      expect(isRequestId(String(idOf(answer)))).toBe(true);
    }
  });

  it("at closing", async () => {
    const { gateway, worker } = await startBoth(() => undefined);
    const waiting = call(gateway, "/v1/accounts/keys/1");
    await worker.received(1);
    await gateway.close();
    const answer = await waiting;
    expect(problemOf(answer).code).toBe("SHARDCAST_CLOSED");
    expect(idOf(answer)).toBe(worker.requests[0]?.id);
  });

  it("but not before it was one", async () => {
    const { gateway } = await startBoth(() => ({}));
    for (const path of ["/v1/accounts/keys/", "/v1/unknown/keys/1", "/nowhere"]) {
      expect(idOf(await call(gateway, path))).toBeUndefined();
    }
  });
});
