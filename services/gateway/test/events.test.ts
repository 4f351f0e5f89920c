import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { EventOptions, RequestStatus } from "@shardcast/client";
import { newRequestId, ShardcastError } from "@shardcast/protocol";
import { fastify } from "fastify";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { Backend } from "../src/backend.ts";
import { eventStream } from "../src/event-stream.ts";
import type { Gateway } from "../src/index.ts";
import { addEventRoutes } from "../src/routes/request-events.ts";
import { Visits } from "../src/visits.ts";
import { startBoth } from "./support/gateway.ts";
import { call } from "./support/http.ts";
import { eventsOf, parseEvents as parse, stream, unchunked } from "./support/sse.ts";
import type { FakeAnswer } from "./support/worker.ts";

const PATH = "/v1/accounts/keys/1";
const ASYNC = { prefer: "respond-async" };
const get = { method: "GET" };

/** A gateway with a request that ends when it is told to. */
async function submitted(options: Parameters<typeof startBoth>[1] = {}) {
  let release = (_answer: FakeAnswer) => {};
  const released = new Promise<FakeAnswer>((resolve) => {
    release = resolve;
  });
  const both = await startBoth(() => released, options);
  const { headers } = await call(both.gateway, PATH, { headers: ASYNC });
  await both.worker.received(1);
  const [request] = both.worker.requests;
  if (request === undefined) throw new Error("nothing came");
  const location = String(headers.location);
  const tell = (kind: "running" | "retrying", attempt: number) => both.worker.tell(request, kind, attempt);
  return { ...both, release, id: request.id, location, tell };
}

describe("GET /v1/{service}/requests/{id}/events", () => {
  it("C3: tells what comes, to the end, with ids that increase", async () => {
    const { gateway, release, id, location, tell } = await submitted();
    const { text, seen } = await stream(gateway, `${location}/events`);
    await expect.poll(() => seen.text).toContain("event: accepted");
    expect(seen.text).toMatch(/content-type: text\/event-stream\r\n/i);
    expect(seen.text).toMatch(/cache-control: no-store\r\n/i);
    await tell("running", 1);
    await tell("retrying", 1);
    await tell("running", 2);
    release({ status: 201 });
    const events = parse(unchunked(await text()));
    expect(events.map(({ event, data }) => [event, data])).toEqual([
      ["accepted", { id, state: "pending" }],
      ["started", { id, state: "running", attempt: 1 }],
      ["retrying", { id, state: "retrying", attempt: 1, reason: "no luck" }],
      ["started", { id, state: "running", attempt: 2 }],
      ["done", { id, state: "replied", status: 201, location }],
    ]);
    const ids = events.map((event) => event.id);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
  });

  it("begins with what is known, for who comes later", async () => {
    const { gateway, release, location } = await submitted();
    release({ status: 422, error: "SHARDCAST_HANDLER_REFUSED" });
    await call(gateway, `${location}?wait=30`, get);
    const events = eventsOf(await call(gateway, `${location}/events`, get));
    expect(events.map(({ event }) => event)).toEqual(["accepted", "done"]);
    expect(events[1]?.data).toMatchObject({ state: "failed", status: 422 });
  });

  it("goes on after the last event that was seen, and 204 when that was the end", async () => {
    const { gateway, release, location, tell } = await submitted();
    await tell("running", 1);
    const { socket, seen } = await stream(gateway, `${location}/events`);
    await expect.poll(() => seen.text).toContain("event: started");
    socket.destroy();
    const lastEventId = String(parse(unchunked(seen.text)).at(-1)?.id);
    release({});
    await call(gateway, `${location}?wait=30`, get);
    const resumed = await call(gateway, `${location}/events`, {
      ...get,
      headers: { "last-event-id": lastEventId },
    });
    const events = eventsOf(resumed);
    expect(events.map(({ event }) => event)).toEqual(["done"]);
    const again = { ...get, headers: { "last-event-id": String(events[0]?.id) } };
    expect((await call(gateway, `${location}/events`, again)).status).toBe(204);
    const strange = { ...get, headers: { "last-event-id": "another's" } };
    expect(eventsOf(await call(gateway, `${location}/events`, strange)).length).toBe(2);
  });

  it("C7: is in flight while it is read, and gone with its connection", async () => {
    const { gateway, location } = await submitted({ maxInFlight: 2 });
    const streams = await Promise.all([1, 2].map(() => stream(gateway, `${location}/events`)));
    const busy = async () => (await call(gateway, location, get)).status;
    await expect.poll(busy).toBe(503);
    for (const { socket } of streams) socket.destroy();
    await expect.poll(busy).toBe(202);
  });

  it("ends when the gateway closes, without using up the grace time", async () => {
    const { gateway, location } = await submitted({ shutdownGraceMs: 60_000 });
    const { text, seen } = await stream(gateway, `${location}/events`);
    await expect.poll(() => seen.text).toContain("event: accepted");
    await gateway.close();
    expect(await text()).toMatch(/connection: close[\s\S]*\r\n0\r\n\r\n$/i);
  });

  it("says now and then that it lives", async () => {
    const { gateway, location } = await submitted({ eventHeartbeatMs: 5 });
    const { socket, seen } = await stream(gateway, `${location}/events`);
    await expect.poll(() => [...seen.text.matchAll(/^:\n\n/gm)].length).toBeGreaterThan(2);
    socket.destroy();
    await once(socket, "close");
  });
});

it("C7: who disconnects is not watched for any more", async () => {
  const id = newRequestId(0);
  const pending: RequestStatus = { state: "pending", id };
  const signals: (AbortSignal | undefined)[] = [];
  async function* events(_service: string, _id: string, { signal }: EventOptions = {}) {
    signals.push(signal);
    yield pending;
    if (signal !== undefined) await once(signal, "abort");
  }
  const client = { result: async () => pending, events };
  const backend = { client, closing: new AbortController().signal, assertOpen: () => {} };
  const visits = new Visits({ maxInFlight: 1, maxBufferedBytes: 1_000, bodyLimitBytes: 1_000 });
  const app = fastify();
  onTestFinished(() => app.close());
  app.decorateRequest("visit", null);
  addEventRoutes(app, { backend: backend as unknown as Backend, visits, heartbeatMs: 60_000 });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const { socket, seen } = await stream({ port } as Gateway, `/v1/accounts/requests/${id}/events`);
  await expect.poll(() => seen.text).toContain("event: accepted");
  expect(signals.map((signal) => signal?.aborted)).toEqual([false]);
  socket.destroy();
  await expect.poll(() => signals.map((signal) => signal?.aborted)).toEqual([true]);
  expect(visits.size).toBe(0);
});

describe("eventStream", () => {
  const options = { location: "/there", heartbeatMs: 1_000, afterId: -1 };
  const id = newRequestId(0);
  const running = (atMs: number): RequestStatus => ({ state: "running", id, attempt: 1, atMs });

  it("C7: takes no more than is read", async () => {
    let taken = 0;
    async function* many(): AsyncGenerator<RequestStatus> {
      for (;;) yield running(++taken);
    }
    const stream = eventStream(many(), options);
    for (let read = 0; read < 10; read++) await stream.next();
    await new Promise((resolve) => setImmediate(resolve));
    expect(taken).toBeLessThanOrEqual(11);
    await stream.return();
  });

  it("gives ids that increase, though the owners' clocks do not", async () => {
    async function* back(): AsyncGenerator<RequestStatus> {
      for (const atMs of [100, 90, 200]) yield running(atMs);
    }
    const ids: string[] = [];
    for await (const event of eventStream(back(), options)) ids.push(event.split("\n")[0] as string);
    expect(ids).toEqual(["id: 0", "id: 100", "id: 101", "id: 200"]);
  });

  it("tells why it can not tell any more", async () => {
    async function* failing(): AsyncGenerator<RequestStatus> {
      yield { state: "pending", id };
      throw new ShardcastError("SHARDCAST_UNKNOWN_REQUEST", "no such request");
    }
    const events: string[] = [];
    for await (const event of eventStream(failing(), options)) events.push(event);
    expect(events).toHaveLength(2);
    expect(parse(events[1] as string)).toMatchObject([
      { id: 1, event: "problem", data: { status: 404, code: "SHARDCAST_UNKNOWN_REQUEST" } },
    ]);
  });

  it("ends its source when it is left while nothing comes", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const returned = vi.fn(async () => ({ done: true as const, value: undefined }));
    const silent = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}), return: returned }),
    };
    const stream = eventStream(silent, options);
    const beat = stream.next();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await beat).toEqual({ done: false, value: ":\n\n" });
    await stream.return();
    expect(returned).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });
});
