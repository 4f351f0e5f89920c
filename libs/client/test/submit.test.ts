import { createMemoryLog } from "@shardcast/log/memory";
import { isRequestId, laneOfRequestId, ShardcastError, toProblem } from "@shardcast/protocol";
import { murmur2Lane } from "@shardcast/routing";
import { describe, expect, it } from "vitest";
import { connectTo, LANES, REQUESTS, SERVICE, startService } from "./support/service.ts";

const KEY = "42";
const DAY_MS = 24 * 3_600_000;

describe("submit", () => {
  it("C3: resolves to an id that names its lane, once the request is on the log", async () => {
    const service = await startService();
    const client = await connectTo(service);
    const sentMs = Date.now();
    const { id } = await client.submit(SERVICE, KEY, { a: 1 }, { handler: "note", timeoutMs: DAY_MS });
    expect(service.cluster.partition(REQUESTS, murmur2Lane(KEY, LANES))?.end).toBe(1);
    expect(laneOfRequestId(id, LANES)).toBe(murmur2Lane(KEY, LANES));
    const request = await service.received(1);
    expect(request).toMatchObject({ id, handler: "note", recording: "progress" });
    expect(request.replyTo).toBeUndefined();
    // C8
    expect(request.deadlineMs).toBeGreaterThanOrEqual(sentMs + DAY_MS);
    expect((await client.submit(SERVICE, KEY)) && (await service.received(2)).deadlineMs).toBeUndefined();
    expect(client.pending).toBe(0);
  });

  it("says which request the log did not take", async () => {
    const service = await startService();
    const client = await connectTo(service);
    await client.submit(SERVICE, KEY);
    service.cluster.setAvailable(false);
    const refused = await client.submit(SERVICE, KEY).catch((error: ShardcastError) => error);
    expect(refused).toMatchObject({ code: "SHARDCAST_LOG_UNAVAILABLE" });
    expect(isRequestId(String((refused as ShardcastError).extensions.requestId))).toBe(true);
  });

  it("publishes nothing for a signal that has fired", async () => {
    const service = await startService();
    const client = await connectTo(service);
    await expect(client.submit(SERVICE, KEY, "", { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "SHARDCAST_ABORTED",
    });
    expect(service.cluster.partition(REQUESTS, murmur2Lane(KEY, LANES))?.end).toBe(0);
  });

  it.each([{ timeoutMs: 0 }, { timeoutMs: 1.5 }, { waitMs: 0 }, { waitMs: 2 ** 31 }])(
    "refuses %j by name",
    async (options) => {
      const client = await connectTo(await startService());
      await expect(client.submit(SERVICE, KEY, "", options)).rejects.toMatchObject({
        code: "SHARDCAST_INVALID_REQUEST",
        message: expect.stringContaining(Object.keys(options)[0] as string),
      });
    },
  );
});

describe("submit with a wait", () => {
  it("brings the answer when it comes in time", async () => {
    const service = await startService();
    const client = await connectTo(service);
    const submitted = client.submit(SERVICE, KEY, "x", { waitMs: 30_000 });
    const request = await service.received(1);
    expect(request).toMatchObject({ recording: "progress", replyTo: { correlation: expect.any(String) } });
    await service.reply(request);
    expect(await submitted).toMatchObject({ id: request.id, reply: { status: 200 } });
    expect(client.pending).toBe(0);
  });

  it("rejects with what the request failed with", async () => {
    const error = new ShardcastError("SHARDCAST_CANCELLED", "stopped");
    const body = Buffer.from(JSON.stringify(toProblem(error)));
    const service = await startService(() => ({ status: 410, error: error.code, body }));
    const client = await connectTo(service);
    await expect(client.submit(SERVICE, KEY, "x", { waitMs: 30_000 })).rejects.toMatchObject({
      code: "SHARDCAST_CANCELLED",
    });
  });

  it("brings the id alone when the time is over, or when the client closes", async () => {
    const service = await startService();
    const client = await connectTo(service);
    const over = await client.submit(SERVICE, KEY, "x", { waitMs: 5 });
    expect(over).toEqual({ id: (await service.received(1)).id });
    const closing = client.submit(SERVICE, KEY, "x", { waitMs: 30_000 });
    const { id } = await service.received(2);
    await client.close();
    expect(await closing).toEqual({ id });
    expect(client.pending).toBe(0);
  });

  it("C3: brings no id of a request that is not accepted, be the time over or not", async () => {
    const service = await startService();
    const log = createMemoryLog(service);
    let refuse = () => {};
    let appended = () => {};
    log.append = () =>
      new Promise((_, reject) => {
        appended();
        refuse = () => reject(new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "not confirmed"));
      });
    const client = await connectTo(service, { log });
    for (const waitMs of [1, 30_000]) {
      const publishing = new Promise<void>((resolve) => {
        appended = resolve;
      });
      const submitted = client.submit(SERVICE, KEY, "x", { waitMs });
      const refused = expect(submitted).rejects.toMatchObject({
        code: "SHARDCAST_LOG_UNAVAILABLE",
        extensions: { requestId: expect.any(String) },
      });
      await publishing;
      await expect.poll(() => client.pending).toBe(waitMs === 1 ? 0 : 1);
      refuse();
      await refused;
    }
  });
});

describe("C8: a delay", () => {
  it("travels with every kind of request", async () => {
    const service = await startService(() => ({}));
    const client = await connectTo(service);
    const notBeforeMs = Date.now() + 1_000;
    await client.request(SERVICE, KEY, "", { notBeforeMs });
    await client.send(SERVICE, KEY, "", { notBeforeMs });
    await client.submit(SERVICE, KEY, "", { notBeforeMs });
    await service.received(3);
    expect(service.requests.map((request) => request.notBeforeMs)).toEqual([
      notBeforeMs,
      notBeforeMs,
      notBeforeMs,
    ]);
  });

  it("is refused beyond the deadline, beyond the limit, and when it is no time", async () => {
    const service = await startService();
    const client = await connectTo(service, { maxDelayMs: DAY_MS });
    const nowMs = Date.now();
    for (const send of [
      () => client.request(SERVICE, KEY, "", { notBeforeMs: nowMs + 60_000, timeoutMs: 30_000 }),
      () => client.submit(SERVICE, KEY, "", { notBeforeMs: nowMs + 60_000, timeoutMs: 30_000 }),
      () => client.submit(SERVICE, KEY, "", { notBeforeMs: nowMs + DAY_MS + 60_000 }),
      () => client.send(SERVICE, KEY, "", { notBeforeMs: -1 }),
      () => client.send(SERVICE, KEY, "", { notBeforeMs: 0.5 }),
    ]) {
      await expect(send()).rejects.toMatchObject({
        code: "SHARDCAST_INVALID_REQUEST",
        message: expect.stringContaining("notBeforeMs"),
      });
    }
    expect(client.pending).toBe(0);
  });
});

describe("an aborted request", () => {
  it("is cancelled on its lane, behind itself, where the caller wants that", async () => {
    const service = await startService();
    const client = await connectTo(service);
    const options = { cancelOnAbort: true };
    for (const [count, send] of [
      (signal: AbortSignal) => client.request(SERVICE, KEY, "x", { ...options, signal }),
      (signal: AbortSignal) => client.request(SERVICE, KEY, "x", { ...options, idempotencyKey: "k", signal }),
      (signal: AbortSignal) => client.submit(SERVICE, KEY, "x", { ...options, waitMs: 30_000, signal }),
    ].entries()) {
      const controller = new AbortController();
      const sent = send(controller.signal);
      const { id } = await service.received(count + 1);
      controller.abort();
      await expect(sent).rejects.toMatchObject({ code: "SHARDCAST_ABORTED" });
      await service.cancelled(count + 1);
      expect(service.cancels[count]).toBe(id);
    }
    expect(service.cluster.partition(REQUESTS, murmur2Lane(KEY, LANES))?.end).toBe(6);
  });

  it("is cancelled also when the signal fires while it is being accepted", async () => {
    const service = await startService();
    const log = createMemoryLog(service);
    const controller = new AbortController();
    const append = log.append.bind(log);
    log.append = (record) => {
      controller.abort();
      return append(record);
    };
    const client = await connectTo(service, { log });
    const { signal } = controller;
    await expect(client.submit(SERVICE, KEY, "x", { signal, cancelOnAbort: true })).rejects.toMatchObject({
      code: "SHARDCAST_ABORTED",
    });
    await service.cancelled(1);
    expect(service.cancels).toEqual([(await service.received(1)).id]);
  });

  it("stays on the log otherwise, and so does one that was answered", async () => {
    const service = await startService();
    const client = await connectTo(service);
    const controller = new AbortController();
    const { signal } = controller;
    const sent = client.request(SERVICE, KEY, "x", { signal });
    const answered = client.request(SERVICE, KEY, "y", { signal, cancelOnAbort: true });
    await service.reply(await service.received(2));
    await answered;
    controller.abort();
    await expect(sent).rejects.toMatchObject({ code: "SHARDCAST_ABORTED" });
    await client.send(SERVICE, KEY, "marker");
    await service.received(3);
    expect(service.cancels).toEqual([]);
  });
});
