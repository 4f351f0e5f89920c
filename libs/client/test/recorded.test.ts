import { getEventListeners } from "node:events";
import { createMemoryLog } from "@shardcast/log/memory";
import {
  encodeRequest,
  newRequestId,
  type RequestEnvelope,
  type ResultEnvelope,
  ShardcastError,
  toProblem,
} from "@shardcast/protocol";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Client, RequestStatus } from "../src/index.ts";
import { connectTo, LANES, REQUESTS, SERVICE, startService } from "./support/service.ts";

const KEY = "42";
const DAY_MS = 24 * 3_600_000;

afterEach(() => vi.useRealTimers());

/** A service, a client that follows its results, and a request on the log. */
async function submitted() {
  const service = await startService();
  const client = await connectTo(service);
  await (await client.results(SERVICE)).restored;
  const { id } = await client.submit(SERVICE, KEY, "x");
  const request = await service.received(1);
  const tell = (kind: "running" | "retrying", attempt: number) => service.tell(told(request, kind, attempt));
  return { service, client, id, request, tell };
}

function told({ id }: RequestEnvelope, kind: "running" | "retrying", attempt: number): ResultEnvelope {
  const common = { id, fencingToken: 1, delivery: 1, atMs: Date.now(), attempt };
  return kind === "running" ? { ...common, kind } : { ...common, kind, reason: "no luck" };
}

/** Resolves to the status once it is another one than `pending`. */
async function known(client: Client, id: string, state: RequestStatus["state"]): Promise<RequestStatus> {
  await expect.poll(async () => (await client.result(SERVICE, id)).state).toBe(state);
  return client.result(SERVICE, id);
}

describe("C3: result says how a recorded request stands", () => {
  it("pending, running, retrying, and how it ended", async () => {
    const { service, client, id, request, tell } = await submitted();
    expect(await client.result(SERVICE, id)).toEqual({ state: "pending", id });
    await tell("running", 1);
    expect(await known(client, id, "running")).toMatchObject({ id, attempt: 1, atMs: expect.any(Number) });
    await tell("retrying", 1);
    expect(await known(client, id, "retrying")).toMatchObject({ id, attempt: 1, reason: "no luck" });
    await service.end(request, {
      status: 201,
      attempts: 2,
      headers: { "x-a": "1" },
      contentType: "text/plain",
    });
    expect(await known(client, id, "ended")).toMatchObject({
      id,
      end: "replied",
      status: 201,
      attempts: 2,
      headers: { "x-a": "1" },
      contentType: "text/plain",
      body: Buffer.from("recorded"),
    });
  });

  it("with the error that who waits gets", async () => {
    const { service, client, id, request } = await submitted();
    const error = new ShardcastError("SHARDCAST_HANDLER_REFUSED", "no", {
      status: 409,
      extensions: { a: 1 },
    });
    const body = Buffer.from(JSON.stringify(toProblem(error)));
    await service.end(request, { end: "failed", status: 409, error: error.code, body });
    expect(await known(client, id, "ended")).toMatchObject({
      end: "failed",
      status: 409,
      error: { code: "SHARDCAST_HANDLER_REFUSED", message: "no", extensions: { a: 1, requestId: id } },
    });
  });

  it("to any client, also one that comes later", async () => {
    const { service, id, request } = await submitted();
    await service.end(request);
    const later = await connectTo(service);
    expect(await later.result(SERVICE, id)).toMatchObject({ state: "ended" });
  });
});

describe("result with a wait", () => {
  it("resolves when the request ends, not before", async () => {
    const { service, client, id, request, tell } = await submitted();
    const { signal } = new AbortController();
    const waiting = client.result(SERVICE, id, { waitMs: 60_000, signal });
    let resolved = false;
    void waiting.then(() => {
      resolved = true;
    });
    await tell("running", 1);
    await known(client, id, "running");
    expect(resolved).toBe(false);
    await service.end(request);
    expect(await waiting).toMatchObject({ state: "ended" });
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(await client.result(SERVICE, id, { waitMs: 60_000 })).toMatchObject({ state: "ended" });
  });

  it("resolves to what is known when the time is over", async () => {
    const { client, id, tell } = await submitted();
    expect(await client.result(SERVICE, id, { waitMs: 1 })).toMatchObject({ state: "pending" });
    await tell("running", 1);
    await known(client, id, "running");
    expect(await client.result(SERVICE, id, { waitMs: 1 })).toMatchObject({ state: "running" });
  });

  it("finds out meanwhile that there is no such request", async () => {
    const { service, client } = await submitted();
    const unknown = newRequestId(0);
    await service.log.append({ ...encodeRequest(other(0)), topic: REQUESTS, partition: 0 });
    const waiting = client.result(SERVICE, unknown, { waitMs: 200 });
    const refused = expect(waiting).rejects.toMatchObject({ code: "SHARDCAST_UNKNOWN_REQUEST" });
    await service.received(2);
    await service.done();
    await refused;
  });

  it("ends with the signal, and with the client", async () => {
    const { client, id } = await submitted();
    const controller = new AbortController();
    const aborted = client.result(SERVICE, id, { waitMs: 60_000, signal: controller.signal });
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: "SHARDCAST_ABORTED" });
    const closed = client.result(SERVICE, id, { waitMs: 60_000 });
    const refused = expect(closed).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
    await client.result(SERVICE, id);
    await client.close();
    await refused;
  });
});

/** Somebody else's request. */
function other(lane: number): RequestEnvelope {
  return {
    id: newRequestId(lane),
    service: SERVICE,
    key: Buffer.from("k"),
    handler: "",
    attempt: 1,
    headers: {},
    body: Buffer.alloc(0),
  };
}

describe("an unknown id", () => {
  it.each([
    ["is none", () => "garbage"],
    ["is a stranger's", () => "accounts.requests-0-17"],
    ["names a lane that the service does not have", () => newRequestId(LANES)],
    ["was never on a log that is done", () => newRequestId(2)],
  ])("is refused when it %s", async (_, id) => {
    const service = await startService();
    const client = await connectTo(service);
    for (const ask of [
      () => client.result(SERVICE, id()),
      () => client.cancel(SERVICE, id()),
      () => client.events(SERVICE, id())[Symbol.asyncIterator]().next(),
    ]) {
      await expect(ask()).rejects.toMatchObject({ code: "SHARDCAST_UNKNOWN_REQUEST" });
    }
  });

  it("may be one of those on its lane while they are not done", async () => {
    const service = await startService();
    const client = await connectTo(service);
    const plain = client.request(SERVICE, KEY, "not recorded").catch(() => {});
    const { id } = await service.received(1);
    expect(await client.result(SERVICE, id)).toEqual({ state: "pending", id });
    await service.done();
    await expect(client.result(SERVICE, id)).rejects.toMatchObject({ code: "SHARDCAST_UNKNOWN_REQUEST" });
    await client.close();
    await plain;
  });

  it("is known as such once what was before it is done, though the lane is never empty", async () => {
    const service = await startService();
    const client = await connectTo(service);
    const append = () => service.log.append({ ...encodeRequest(other(0)), topic: REQUESTS, partition: 0 });
    const id = newRequestId(0);
    await append();
    expect(await client.result(SERVICE, id)).toMatchObject({ state: "pending" });
    await service.done();
    await append();
    await expect(client.result(SERVICE, id)).rejects.toMatchObject({ code: "SHARDCAST_UNKNOWN_REQUEST" });
    expect(await client.result(SERVICE, newRequestId(0))).toMatchObject({ state: "pending" });
  });

  it("is refused when it is too old to be known, whatever the lane does", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const old = newRequestId(0);
    vi.setSystemTime(Date.now() + 2 * DAY_MS + 1);
    const service = await startService();
    await service.log.append({ ...encodeRequest(other(0)), topic: REQUESTS, partition: 0 });
    const [short, long] = await Promise.all(
      [DAY_MS, 2 * DAY_MS].map((maxDelayMs) => connectTo(service, { maxDelayMs, resultRetentionMs: DAY_MS })),
    );
    await expect(short?.result(SERVICE, old)).rejects.toMatchObject({ code: "SHARDCAST_UNKNOWN_REQUEST" });
    // C3: it may have been delayed for so long.
    expect(await long?.result(SERVICE, old)).toMatchObject({ state: "pending" });
  });

  it("is none that ended between two looks: the results are read to their end first", async () => {
    const { service, request } = await submitted();
    const log = createMemoryLog(service);
    const progressOf = log.progressOf.bind(log);
    log.progressOf = async (...asked) => {
      await service.end(request);
      return progressOf(...asked);
    };
    const client = await connectTo(service, { log });
    expect(await client.result(SERVICE, request.id)).toMatchObject({ state: "ended" });
  });

  it("C7: is looked up for all who ask at once, and anew for who asks later", async () => {
    const service = await startService();
    const log = createMemoryLog(service);
    const client = await connectTo(service, { log });
    await (await client.results(SERVICE)).restored;
    let looks = 0;
    const progressOf = log.progressOf.bind(log);
    log.progressOf = (...asked) => {
      looks++;
      return progressOf(...asked);
    };
    const ask = () => client.result(SERVICE, newRequestId(1)).catch(({ code }) => code);
    const codes = await Promise.all(Array.from({ length: 100 }, ask));
    expect(new Set(codes)).toEqual(new Set(["SHARDCAST_UNKNOWN_REQUEST"]));
    expect(looks).toBeLessThanOrEqual(2);
    const before = looks;
    await ask();
    expect(looks).toBe(before + 1);
  });

  it("can not be told while the log is away", async () => {
    const { service, client } = await submitted();
    service.cluster.setAvailable(false);
    await expect(client.result(SERVICE, newRequestId(1))).rejects.toMatchObject({
      code: "SHARDCAST_LOG_UNAVAILABLE",
    });
  });
});

describe("events", () => {
  async function collect(events: AsyncIterable<RequestStatus>): Promise<string[]> {
    const states: string[] = [];
    for await (const { state } of events) states.push(state);
    return states;
  }

  it("tell what is known now, and what comes, to the end", async () => {
    const { service, client, id, request, tell } = await submitted();
    await tell("running", 1);
    await known(client, id, "running");
    const iterator = client.events(SERVICE, id)[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ state: "running", attempt: 1 });
    await tell("retrying", 1);
    expect((await iterator.next()).value).toMatchObject({ state: "retrying", reason: "no luck" });
    await tell("running", 2);
    await service.end(request);
    expect((await iterator.next()).value).toMatchObject({ state: "running", attempt: 2 });
    expect((await iterator.next()).value).toMatchObject({ state: "ended", end: "replied" });
    expect(await iterator.next()).toMatchObject({ done: true });
    expect(await collect(client.events(SERVICE, id))).toEqual(["ended"]);
  });

  it("C7: drop what a slow reader does not take, never the end", async () => {
    const { service, client, id, request, tell } = await submitted();
    const iterator = client.events(SERVICE, id)[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ state: "pending" });
    for (let attempt = 1; attempt <= 500; attempt++) await tell("running", attempt);
    await service.end(request);
    await known(client, id, "ended");
    const states: RequestStatus[] = [];
    for await (const status of { [Symbol.asyncIterator]: () => iterator }) states.push(status);
    expect(states.at(-1)?.state).toBe("ended");
    expect(states.length).toBeLessThanOrEqual(100);
  });

  it("end with the signal, and with the client, also while nothing comes", async () => {
    const { client, id } = await submitted();
    const controller = new AbortController();
    const aborted = collect(client.events(SERVICE, id, { signal: controller.signal }));
    const closed = collect(client.events(SERVICE, id));
    await client.result(SERVICE, id);
    controller.abort();
    expect(await aborted).toEqual(["pending"]);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    await client.close();
    expect(await closed).toEqual(["pending"]);
  });

  it("end with the error when it turns out that nothing is recorded", async () => {
    const { service, client } = await submitted();
    await service.log.append({ ...encodeRequest(other(0)), topic: REQUESTS, partition: 0 });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const iterator = client.events(SERVICE, newRequestId(0))[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ state: "pending" });
    await service.received(2);
    const next = expect(iterator.next()).rejects.toMatchObject({ code: "SHARDCAST_UNKNOWN_REQUEST" });
    await service.done();
    await vi.advanceTimersByTimeAsync(5_000);
    await next;
  });
});

describe("cancel", () => {
  it("is on the request's lane once it resolves", async () => {
    const { service, client, id, tell } = await submitted();
    await client.cancel(SERVICE, id);
    await service.cancelled(1);
    await tell("running", 1);
    await known(client, id, "running");
    await client.cancel(SERVICE, id);
    await service.cancelled(2);
    expect(service.cancels).toEqual([id, id]);
  });

  it("comes too late for what has ended", async () => {
    const { service, client, id, request } = await submitted();
    await service.end(request);
    await known(client, id, "ended");
    await expect(client.cancel(SERVICE, id)).rejects.toMatchObject({
      code: "SHARDCAST_ALREADY_ENDED",
      extensions: { requestId: id },
    });
    expect(service.cancels).toEqual([]);
  });
});
