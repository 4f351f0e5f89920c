import { createMemoryLog } from "@shardcast/log/memory";
import { isRequestId, ShardcastError, toProblem } from "@shardcast/protocol";
import { describe, expect, it } from "vitest";
import { connectTo, SERVICE, startService } from "./support/service.ts";

async function errorOf(request: Promise<unknown>): Promise<ShardcastError> {
  try {
    await request;
  } catch (error) {
    return error as ShardcastError;
  }
  throw new Error("the request did not fail");
}

const REFUSAL = new ShardcastError("SHARDCAST_HANDLER_REFUSED", "no", {
  status: 409,
  extensions: { requestId: "another", balance: 3 },
});

describe("an error says which request it ended", () => {
  it("time-out", async () => {
    const service = await startService();
    const client = await connectTo(service);
    const error = await errorOf(client.request(SERVICE, "1", "", { timeoutMs: 20 }));
    const { id } = await service.received(1);
    expect(error).toMatchObject({ code: "SHARDCAST_DEADLINE_EXCEEDED", extensions: { requestId: id } });
  });

  it("abort, before and while it waits", async () => {
    const service = await startService();
    const client = await connectTo(service);
    const controller = new AbortController();
    const waiting = errorOf(client.request(SERVICE, "1", "", { signal: controller.signal }));
    const { id } = await service.received(1);
    controller.abort();
    expect(await waiting).toMatchObject({ code: "SHARDCAST_ABORTED", extensions: { requestId: id } });
    const { code, extensions } = await errorOf(
      client.request(SERVICE, "1", "", { signal: controller.signal }),
    );
    expect([code, isRequestId(String(extensions.requestId))]).toEqual(["SHARDCAST_ABORTED", true]);
  });

  it("limits", async () => {
    const service = await startService();
    for (const [limits, expected] of [
      [{ maxPending: 1 }, "SHARDCAST_OVERLOADED"],
      [{ maxPendingPerLane: 1 }, "SHARDCAST_LANE_BUSY"],
    ] as const) {
      const client = await connectTo(service, limits);
      const first = errorOf(client.request(SERVICE, "1"));
      const { code, extensions } = await errorOf(client.request(SERVICE, "1"));
      expect([code, isRequestId(String(extensions.requestId))]).toEqual([expected, true]);
      await client.close();
      await first;
    }
  });

  it("what the handler failed with, whatever that says of its id", async () => {
    const service = await startService(() => ({
      status: 409,
      error: "SHARDCAST_HANDLER_REFUSED",
      body: Buffer.from(JSON.stringify(toProblem(REFUSAL))),
    }));
    const client = await connectTo(service);
    const error = await errorOf(client.request(SERVICE, "1"));
    expect(error).toMatchObject({
      code: "SHARDCAST_HANDLER_REFUSED",
      status: 409,
      extensions: { balance: 3, requestId: service.requests[0]?.id },
    });
  });

  it("a failure without a document", async () => {
    const service = await startService(() => ({ status: 502, error: "SHARDCAST_ATTEMPTS_EXHAUSTED" }));
    const client = await connectTo(service);
    const { extensions } = await errorOf(client.request(SERVICE, "1"));
    expect(extensions).toEqual({ requestId: service.requests[0]?.id });
  });

  it("close, each its own", async () => {
    const service = await startService();
    const client = await connectTo(service);
    const ends = ["1", "2"].map((key) => errorOf(client.request(SERVICE, key)));
    await service.received(2);
    await client.close();
    const ids = (await Promise.all(ends)).map(({ extensions }) => extensions.requestId);
    expect(new Set(ids)).toEqual(new Set(service.requests.map(({ id }) => id)));
  });

  it("the log, when one error of its fails many requests", async () => {
    const service = await startService();
    const log = createMemoryLog(service);
    const cause = new Error("socket");
    const shared = new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "not confirmed", {
      cause,
      extensions: { broker: 2 },
    });
    log.append = () => Promise.reject(shared);
    const client = await connectTo(service, { log });
    const errors = await Promise.all(["1", "2"].map((key) => errorOf(client.request(SERVICE, key))));
    for (const error of errors) {
      expect(error).toMatchObject({ code: "SHARDCAST_LOG_UNAVAILABLE", message: "not confirmed", cause });
      expect(error.extensions.broker).toBe(2);
      expect(error.stack).toBe(shared.stack);
    }
    expect(new Set(errors.map(({ extensions }) => extensions.requestId)).size).toBe(2);
    expect(shared.extensions).toEqual({ broker: 2 });
  });

  it("a fault, also one that the log throws at once", async () => {
    const service = await startService();
    const log = createMemoryLog(service);
    const fault = new TypeError("odd");
    for (const append of [
      () => Promise.reject(fault),
      () => {
        throw fault;
      },
    ]) {
      log.append = append;
      const client = await connectTo(service, { log });
      const { code, cause, extensions } = await errorOf(client.request(SERVICE, "1"));
      expect([code, cause]).toEqual(["SHARDCAST_INTERNAL", fault]);
      expect(isRequestId(String(extensions.requestId))).toBe(true);
      expect(client.pending).toBe(0);
      await client.close();
    }
  });

  it("but has none for a request that never was", async () => {
    const service = await startService();
    const client = await connectTo(service, { services: { [SERVICE]: { strategy: "modulo" } } });
    for (const key of ["", "seven"]) {
      const { code, extensions } = await errorOf(client.request(SERVICE, key));
      expect([code, extensions]).toEqual(["SHARDCAST_INVALID_KEY", {}]);
    }
  });
});
