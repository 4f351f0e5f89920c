import { createMemoryLog } from "@shardcast/log/memory";
import { isRequestId, ShardcastError, toProblem } from "@shardcast/protocol";
import { murmur2Lane } from "@shardcast/routing";
import { describe, expect, it } from "vitest";
import { connectTo, LANES, REQUESTS, SERVICE, startService } from "./support/service.ts";

describe("request", () => {
  it("travels to the key's lane and brings the answer back", async () => {
    const service = await startService(({ body }) => ({
      status: 201,
      contentType: "text/plain",
      headers: { "x-a": "1" },
      body: Buffer.concat([body, Buffer.from("!")]),
    }));
    const client = await connectTo(service, { instance: "me" });
    const sentMs = Date.now();
    const reply = await client.request(SERVICE, "42", Buffer.from([0, 255]), {
      handler: "deposit",
      contentType: "application/x-odd",
      headers: { "x-b": "2" },
      traceparent: "00-1-2-3",
      timeoutMs: 5_000,
    });
    const [request] = service.requests;
    expect(reply).toEqual({
      id: request?.id,
      status: 201,
      contentType: "text/plain",
      headers: { "x-a": "1" },
      body: Buffer.from([0, 255, 33]),
    });
    expect(request).toMatchObject({
      service: SERVICE,
      key: Buffer.from("42"),
      handler: "deposit",
      contentType: "application/x-odd",
      headers: { "x-b": "2" },
      traceparent: "00-1-2-3",
      attempt: 1,
      replyTo: { instance: "me", partition: murmur2Lane("me", 16) },
    });
    expect(isRequestId(reply.id)).toBe(true);
    expect(request?.deadlineMs).toBeGreaterThanOrEqual(sentMs + 5_000);
    expect(service.cluster.partition(REQUESTS, murmur2Lane("42", LANES))?.end).toBe(1);
  });

  it.each([
    [undefined, "", undefined],
    ["text", "text", undefined],
    [{ a: [1] }, '{"a":[1]}', "application/json"],
    [null, "null", "application/json"],
    [7, "7", "application/json"],
  ])("sends body %j as %j", async (body, text, contentType) => {
    const service = await startService(() => ({}));
    const client = await connectTo(service);
    await client.request(SERVICE, "1", body);
    expect(service.requests[0]?.body.toString()).toBe(text);
    expect(service.requests[0]?.contentType).toBe(contentType);
  });

  it("rejects with what the worker failed with", async () => {
    const refusal = new ShardcastError("SHARDCAST_HANDLER_REFUSED", "no money", {
      status: 409,
      extensions: { balance: 3 },
    });
    const service = await startService(() => ({
      status: 409,
      error: "SHARDCAST_HANDLER_REFUSED",
      body: Buffer.from(JSON.stringify(toProblem(refusal))),
    }));
    const client = await connectTo(service);
    await expect(client.request(SERVICE, "1")).rejects.toMatchObject({
      code: "SHARDCAST_HANDLER_REFUSED",
      status: 409,
      message: "no money",
      extensions: { balance: 3 },
    });
  });

  it("rejects with the code alone when the failure says no more", async () => {
    const service = await startService(() => ({ status: 502, error: "SHARDCAST_ATTEMPTS_EXHAUSTED" }));
    const client = await connectTo(service);
    await expect(client.request(SERVICE, "1")).rejects.toMatchObject({
      code: "SHARDCAST_ATTEMPTS_EXHAUSTED",
      status: 502,
    });
  });

  it.each([
    ["", {}, "SHARDCAST_INVALID_KEY"],
    ["k".repeat(4097), {}, "SHARDCAST_INVALID_KEY"],
    ["1", { handler: "a\nb" }, "SHARDCAST_INVALID_REQUEST"],
    ["1", { timeoutMs: 0 }, "SHARDCAST_INVALID_REQUEST"],
    ["1", { timeoutMs: 1.5 }, "SHARDCAST_INVALID_REQUEST"],
    ["1", { timeoutMs: 2 ** 31 }, "SHARDCAST_INVALID_REQUEST"],
  ])("refuses a wrong call (%#)", async (key, options, code) => {
    const service = await startService(() => ({}));
    const client = await connectTo(service);
    await expect(client.request(SERVICE, key, "x", options)).rejects.toMatchObject({ code });
    expect(client.pending).toBe(0);
  });

  it("refuses a key that the service's strategy does not take", async () => {
    const service = await startService(() => ({}));
    const client = await connectTo(service, { services: { [SERVICE]: { strategy: "modulo" } } });
    await expect(client.request(SERVICE, "seven")).rejects.toMatchObject({ code: "SHARDCAST_INVALID_KEY" });
    await client.request(SERVICE, "7");
    expect(service.cluster.partition(REQUESTS, 1)?.end).toBe(1);
  });

  it("refuses an unknown service, and finds it once it is there", async () => {
    const service = await startService();
    const client = await connectTo(service);
    await expect(client.request("orders", "1")).rejects.toMatchObject({ code: "SHARDCAST_UNKNOWN_SERVICE" });
    await expect(client.request("Not A Name", "1")).rejects.toMatchObject({
      code: "SHARDCAST_INVALID_REQUEST",
    });
    await expect(client.send("orders", "1")).rejects.toMatchObject({ code: "SHARDCAST_UNKNOWN_SERVICE" });
    service.cluster.createTopic({ name: "orders.requests", partitions: 1, cleanup: "delete" });
    await expect(client.send("orders", "1")).resolves.toHaveProperty("id");
  });
});

describe("send", () => {
  it("is on the log when it resolves, and asks nobody for an answer", async () => {
    const service = await startService();
    const client = await connectTo(service);
    const { id } = await client.send(SERVICE, "42", { a: 1 }, { handler: "note" });
    expect(service.cluster.partition(REQUESTS, murmur2Lane("42", LANES))?.end).toBe(1);
    const request = await service.received(1);
    expect(request).toMatchObject({ id, handler: "note", contentType: "application/json" });
    expect(request.replyTo).toBeUndefined();
    expect(request.deadlineMs).toBeUndefined();
    expect(client.pending).toBe(0);
  });

  it("rejects when the log does not take it", async () => {
    const service = await startService();
    const client = await connectTo(service);
    await client.send(SERVICE, "1");
    service.cluster.setAvailable(false);
    await expect(client.send(SERVICE, "1")).rejects.toMatchObject({ code: "SHARDCAST_LOG_UNAVAILABLE" });
  });
});

describe("connect", () => {
  it("refuses a topic with another number of lanes, and leaves nothing open", async () => {
    const service = await startService();
    const log = createMemoryLog(service);
    await expect(
      connectTo(service, { log, services: { [SERVICE]: { lanes: LANES + 1 } } }),
    ).rejects.toMatchObject({ code: "SHARDCAST_TOPIC_MISMATCH" });
    await log.close();
  });
});
