import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createMemoryLog } from "@shardcast/log/memory";
import { idempotentRequestId, ShardcastError, toProblem } from "@shardcast/protocol";
import { murmur2Lane } from "@shardcast/routing";
import { describe, expect, it } from "vitest";
import type { Client } from "../src/index.ts";
import { connectTo, endOf, LANES, SERVICE, startService, timers } from "./support/service.ts";

const KEY = "42";
const LANE = murmur2Lane(KEY, LANES);
const ID = idempotentRequestId(SERVICE, Buffer.from(KEY), "once", LANE);
const once = { idempotencyKey: "once" };

const REFUSAL = new ShardcastError("SHARDCAST_HANDLER_REFUSED", "no money", { status: 409 });

/** A client that knows the results so far. */
async function following(service: Awaited<ReturnType<typeof startService>>): Promise<Client> {
  const client = await connectTo(service);
  await (await client.results(SERVICE)).restored;
  return client;
}

describe("C5: requests with an idempotency key", () => {
  it("have one id, whoever sends them, and are recorded", async () => {
    const service = await startService(() => ({}));
    for (const client of [await connectTo(service), await connectTo(service)]) {
      expect((await client.request(SERVICE, KEY, "x", once)).id).toBe(ID);
    }
    expect(service.requests.map(({ id, recording }) => [id, recording])).toEqual([
      [ID, "outcome"],
      [ID, "outcome"],
    ]);
    await (await connectTo(service)).request(SERVICE, KEY, "x");
    expect(service.requests[2]?.id).not.toBe(ID);
    expect(service.requests[2]?.recording).toBeUndefined();
    expect(service.requests[2]?.replyTo?.correlation).toBeUndefined();
  });

  it("C4: get each their own reply, though their id is the same", async () => {
    const service = await startService();
    const client = await connectTo(service);
    const [first, second] = ["first", "second"].map((body) => client.request(SERVICE, KEY, body, once));
    const [one, two] = [await service.received(1), await service.received(2)];
    expect(client.pending).toBe(2);
    const refused = expect(second).rejects.toMatchObject({ code: "SHARDCAST_IDEMPOTENCY_MISMATCH" });
    const mismatch = new ShardcastError("SHARDCAST_IDEMPOTENCY_MISMATCH", "another body");
    await service.reply(two, {
      status: 422,
      error: mismatch.code,
      body: Buffer.from(JSON.stringify(toProblem(mismatch))),
    });
    await refused;
    expect(client.pending).toBe(1);
    await service.reply(one, { body: Buffer.from("answer to the first") });
    expect((await first)?.body.toString()).toBe("answer to the first");
  });

  it("are answered by the record, without being sent again", async () => {
    const service = await startService(() => ({}));
    const asking = await connectTo(service);
    await asking.request(SERVICE, KEY, { cents: 1 }, once);
    const original = await service.received(1);
    await service.end(original, { status: 201, contentType: "text/plain", headers: { "x-a": "1" } });
    const client = await following(service);
    expect(await client.request(SERVICE, KEY, { cents: 1 }, once)).toEqual({
      id: ID,
      status: 201,
      contentType: "text/plain",
      headers: { "x-a": "1" },
      body: Buffer.from("recorded"),
    });
    expect(await client.submit(SERVICE, KEY, { cents: 1 }, once)).toEqual({ id: ID });
    const waited = await client.submit(SERVICE, KEY, { cents: 1 }, { ...once, waitMs: 1_000 });
    expect(waited).toMatchObject({ id: ID, reply: { status: 201 } });
    expect(service.requests).toHaveLength(1);
  });

  it("are refused by the record when they are others", async () => {
    const service = await startService(() => ({}));
    await (await connectTo(service)).request(SERVICE, KEY, "one", once);
    await service.end(await service.received(1));
    const client = await following(service);
    for (const send of [
      () => client.request(SERVICE, KEY, "another", once),
      () => client.request(SERVICE, KEY, "another", { ...once, retry: false }),
      () => client.request(SERVICE, KEY, "one", { ...once, handler: "another" }),
      () => client.request(SERVICE, KEY, "one", { ...once, contentType: "another" }),
      () => client.submit(SERVICE, KEY, "another", once),
      () => client.submit(SERVICE, KEY, "another", { ...once, waitMs: 10 }),
    ]) {
      await expect(send()).rejects.toMatchObject({
        code: "SHARDCAST_IDEMPOTENCY_MISMATCH",
        extensions: { requestId: ID },
      });
    }
    expect(service.requests).toHaveLength(1);
  });

  it("fail as the record says", async () => {
    const service = await startService(() => ({}));
    await (await connectTo(service)).request(SERVICE, KEY, "x", once);
    const body = Buffer.from(JSON.stringify(toProblem(REFUSAL)));
    await service.end(await service.received(1), { end: "failed", status: 409, error: REFUSAL.code, body });
    const client = await following(service);
    await expect(client.request(SERVICE, KEY, "x", once)).rejects.toMatchObject({
      code: "SHARDCAST_HANDLER_REFUSED",
      status: 409,
      message: "no money",
      extensions: { requestId: ID },
    });
  });

  it("run again after they expired, as they never completed", async () => {
    const service = await startService(() => ({}));
    await (await connectTo(service)).request(SERVICE, KEY, "x", once);
    await service.end(await service.received(1), {
      end: "expired",
      status: 504,
      error: "SHARDCAST_DEADLINE_EXCEEDED",
    });
    const client = await following(service);
    expect((await client.request(SERVICE, KEY, "x", once)).body.toString()).toBe("answer");
    expect(service.requests).toHaveLength(2);
  });

  it.each(["", "k".repeat(256)])("are refused with a key of a wrong length (%#)", async (idempotencyKey) => {
    const service = await startService(() => ({}));
    const client = await connectTo(service);
    for (const send of [
      () => client.request(SERVICE, KEY, "", { idempotencyKey }),
      () => client.submit(SERVICE, KEY, "", { idempotencyKey }),
    ]) {
      await expect(send()).rejects.toMatchObject({
        code: "SHARDCAST_INVALID_REQUEST",
        message: expect.stringContaining("idempotencyKey"),
      });
    }
  });
});

describe("C5: a reply that was lost with its owner", () => {
  it("is made good by the record", async () => {
    const service = await startService();
    const client = await following(service);
    const { signal } = new AbortController();
    const answer = client.request(SERVICE, KEY, "x", { ...once, signal });
    await service.end(await service.received(1));
    expect((await answer).body.toString()).toBe("recorded");
    expect(client.pending).toBe(0);
    expect(getEventListeners(signal, "abort")).toEqual([]);
    // C4: late, and of no use.
    await service.reply(await service.received(1));
    const submitted = client.submit(SERVICE, KEY, "y", { waitMs: 30_000 });
    await service.end(await service.received(2));
    expect((await submitted).reply?.body.toString()).toBe("recorded");
  });

  it("is not taken for the record of another request, nor of a run that expired", async () => {
    const service = await startService();
    const client = await following(service);
    const answer = client.request(SERVICE, KEY, "mine", once);
    const request = await service.received(1);
    const theirs = endOf({ ...request, body: Buffer.from("theirs") });
    await service.tell(endOf(request, { end: "expired", atMs: Date.now() - 10 }));
    await service.tell(theirs);
    await (await client.results(SERVICE)).caughtUp(LANE);
    expect(client.pending).toBe(1);
    await service.reply(request, { body: Buffer.from("mine") });
    expect((await answer).body.toString()).toBe("mine");
  });
});

describe("request, trying again", () => {
  /** A connection whose appends fail at first. */
  async function failing(times: number, code: ConstructorParameters<typeof ShardcastError>[0]) {
    const service = await startService(() => ({}));
    const log = createMemoryLog(service);
    const append = log.append.bind(log);
    let attempts = 0;
    log.append = async (record) => {
      attempts++;
      if (attempts <= times) throw new ShardcastError(code, "not accepted");
      return append(record);
    };
    const client = await connectTo(service, { log });
    return { service, client, attempts: () => attempts };
  }

  it.each([once, { retry: true }])("publishes the same request until it is accepted: %j", async (options) => {
    const { service, client, attempts } = await failing(2, "SHARDCAST_LOG_UNAVAILABLE");
    const { id } = await client.request(SERVICE, KEY, "x", options);
    expect(attempts()).toBe(3);
    expect(service.requests.map((request) => [request.id, request.recording])).toEqual([[id, "outcome"]]);
  });

  it.each([{}, { ...once, retry: false }])("does not without being asked to: %j", async (options) => {
    const { client, attempts } = await failing(1, "SHARDCAST_LOG_UNAVAILABLE");
    await expect(client.request(SERVICE, KEY, "x", options)).rejects.toMatchObject({
      code: "SHARDCAST_LOG_UNAVAILABLE",
    });
    expect(attempts()).toBe(1);
  });

  it("does not when it would not help", async () => {
    const { client, attempts } = await failing(1, "SHARDCAST_BODY_TOO_LARGE");
    await expect(client.request(SERVICE, KEY, "x", once)).rejects.toMatchObject({
      code: "SHARDCAST_BODY_TOO_LARGE",
    });
    expect(attempts()).toBe(1);
  });

  it("never sends again what was answered, whatever the answer says", async () => {
    const error = new ShardcastError("SHARDCAST_OVERLOADED", "says the handler");
    const body = Buffer.from(JSON.stringify(toProblem(error)));
    const service = await startService(() => ({ status: 503, error: error.code, body }));
    const client = await connectTo(service);
    await expect(client.request(SERVICE, KEY, "x", once)).rejects.toMatchObject({
      message: "says the handler",
    });
    expect(service.requests).toHaveLength(1);
  });

  it("waits for room in the lane", async () => {
    const service = await startService();
    const client = await connectTo(service, { maxPendingPerLane: 1 });
    const first = client.request(SERVICE, KEY, "first");
    const request = await service.received(1);
    const second = client.request(SERVICE, KEY, "second", once);
    await service.reply(request);
    await first;
    await service.reply(await service.received(2));
    expect((await second).id).toBe(ID);
  });

  it("ends with the caller's time, with what failed last", async () => {
    const { client } = await failing(Number.POSITIVE_INFINITY, "SHARDCAST_LOG_UNAVAILABLE");
    const before = timers();
    await expect(client.request(SERVICE, KEY, "x", { ...once, timeoutMs: 20 })).rejects.toMatchObject({
      code: "SHARDCAST_LOG_UNAVAILABLE",
      extensions: { requestId: ID },
    });
    expect(client.pending).toBe(0);
    expect(timers()).toBeLessThanOrEqual(before);
  });

  it("ends with the caller's signal, and with the client", async () => {
    const { client, attempts } = await failing(Number.POSITIVE_INFINITY, "SHARDCAST_LOG_UNAVAILABLE");
    await client.prepare(SERVICE);
    const before = timers();
    const controller = new AbortController();
    const aborted = client.request(SERVICE, KEY, "x", { ...once, signal: controller.signal });
    await expect.poll(attempts).toBeGreaterThan(0);
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: "SHARDCAST_ABORTED" });
    await expect.poll(timers).toBeLessThanOrEqual(before);
    const closed = expect(client.request(SERVICE, KEY, "x", once)).rejects.toMatchObject({
      code: "SHARDCAST_CLOSED",
    });
    await client.close();
    await closed;
    await expect.poll(timers).toBeLessThanOrEqual(before);
  });

  it("ends with the signal also while there is no room", async () => {
    const service = await startService();
    const client = await connectTo(service, { maxPending: 1 });
    const first = client.request(SERVICE, KEY, "first").catch(() => {});
    await service.received(1);
    const controller = new AbortController();
    const second = client.request(SERVICE, KEY, "second", { ...once, signal: controller.signal });
    controller.abort();
    await expect(second).rejects.toMatchObject({ code: "SHARDCAST_ABORTED", extensions: { requestId: ID } });
    const third = client.request(SERVICE, KEY, "third", once);
    await client.close();
    await expect(third).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
    await first;
  });
});

it("C7: nor does a recorded request that waits keep its body in memory", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const service = await startService();
  const log = createMemoryLog(service);
  log.append = async () => ({ offset: 0 });
  const client = await connectTo(service, { log, services: { [SERVICE]: {} } });
  await client.results(SERVICE);
  let collected = 0;
  const registry = new FinalizationRegistry(() => {
    collected++;
  });
  const body = () => {
    const bytes = Buffer.alloc(1_000_000);
    registry.register(bytes, undefined);
    return bytes;
  };
  const { signal } = new AbortController();
  const ends = Promise.allSettled([
    client.request(SERVICE, KEY, body(), { ...once, signal, cancelOnAbort: true }),
    client.request(SERVICE, KEY, body(), { ...once, signal, cancelOnAbort: true, retry: false }),
    client.submit(SERVICE, KEY, body(), { waitMs: 60_000, signal, cancelOnAbort: true }),
  ]);
  await expect
    .poll(
      () => {
        collectGarbage();
        return collected;
      },
      { timeout: 5_000 },
    )
    .toBe(3);
  expect(client.pending).toBe(3);
  await client.close();
  await ends;
});
