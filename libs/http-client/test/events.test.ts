import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { RequestStatus } from "../src/index.ts";
import { failure } from "./behaviour.ts";
import {
  answer,
  EventSource,
  ended,
  fakeGateway,
  problem,
  silent,
  standing,
  unreachable,
} from "./support/fake-gateway.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const RUNNING = { id: "id-1", state: "running", attempt: 1 };

/** A reader of a request's events, and the first stream that he gets. */
function reading(signal?: AbortSignal) {
  const gateway = fakeGateway();
  const source = new EventSource();
  gateway.plan(source.step);
  const options = signal === undefined ? {} : { signal };
  const events = gateway.client.events("accounts", "id-1", options)[Symbol.asyncIterator]();
  return { ...gateway, source, events };
}

/** The next event, once as much time has passed as it takes. */
async function next(events: AsyncIterator<RequestStatus>) {
  let come = false;
  const coming = events.next().finally(() => {
    come = true;
  });
  coming.catch(() => {});
  for (let second = 0; !come && second < 100; second++) await vi.advanceTimersByTimeAsync(1_000);
  return coming;
}

describe("a stream of events", () => {
  test("is told as it comes, in whatever pieces", async () => {
    const { source, events, sent, plan } = reading();
    const first = events.next();
    await vi.advanceTimersByTimeAsync(1);
    expect(sent[0]?.path).toBe("/v1/accounts/requests/id-1/events");
    expect(sent[0]?.headers.get("accept")).toBe("text/event-stream");
    expect(sent[0]?.headers.has("last-event-id")).toBe(false);
    source.send('id: 0\r\nevent: accepted\r\ndata: {"id":"id-1",\r\nda');
    source.send('ta: "state":"pending"}\r\n\r\n');
    expect(await first).toEqual({ done: false, value: { state: "pending", id: "id-1" } });
    const bytes = new TextEncoder().encode(
      'event: retrying\ndata: {"state":"retrying","attempt":1,"reason":"zu früh"}\n\n',
    );
    const second = events.next();
    const within = bytes.indexOf(0xc3) + 1;
    source.sendBytes(bytes.slice(0, within));
    source.sendBytes(bytes.slice(within));
    expect((await second).value).toEqual({
      state: "retrying",
      id: "id-1",
      attempt: 1,
      reason: "zu früh",
    });
    plan(ended("done"));
    source.send(":\n\nevent: news\ndata: {}\n\nevent: started\ndata: {\n\n");
    source.event(9, "done", { id: "id-1", state: "replied", status: 200, location: "/elsewhere" });
    expect(await events.next()).toMatchObject({ value: { state: "ended", end: "replied", id: "id-1" } });
    expect(sent[1]?.path).toMatch(/^\/v1\/accounts\/requests\/id-1\?wait=/);
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(source.cancelled).toBe(true);
  });

  test("whose request has ended is asked for how, until the gateway knows", async () => {
    const { source, events, sent, plan } = reading();
    plan(unreachable, standing("running", { attempt: 1 }), ended("done"));
    const first = next(events);
    source.event(1, "done", {});
    expect((await first).value).toMatchObject({ state: "ended" });
    expect(sent).toHaveLength(4);
    await events.next();
  });

  test.each([
    ["breaks", 0, (source: EventSource) => source.break()],
    ["ends too soon", 0, (source: EventSource) => source.end()],
    ["falls silent", 60_000, () => {}],
    [
      "can not go on for now",
      0,
      (source: EventSource) => {
        source.event(8, "problem", { code: "SHARDCAST_CLOSED", detail: "closing" });
      },
    ],
    [
      "says more than anybody can hold",
      0,
      (source: EventSource) => source.send(`data: ${"x".repeat(2_000_001)}`),
    ],
  ])("is taken up again behind its last event when it %s", async (_, afterMs, stop) => {
    const { source, events, sent, plan } = reading();
    const first = events.next();
    await vi.advanceTimersByTimeAsync(1);
    source.event(7, "started", RUNNING);
    await first;
    const again = new EventSource();
    plan(unreachable, problem("SHARDCAST_OVERLOADED"), again.step, ended("done"));
    const beganMs = Date.now();
    const second = next(events);
    stop(source);
    again.event(9, "done", {});
    expect((await second).value).toMatchObject({ state: "ended" });
    expect(sent.slice(1, 4).map(({ headers }) => headers.get("last-event-id"))).toEqual(["7", "7", "7"]);
    const passedMs = (sent[1]?.atMs ?? 0) - beganMs;
    expect(passedMs).toBeGreaterThanOrEqual(afterMs);
    expect(passedMs).toBeLessThanOrEqual(afterMs + 100);
    await events.next();
  });

  test("is not taken up again before the gateway wants it (C7)", async () => {
    const { source, events, sent, plan, client } = reading();
    const first = events.next();
    await vi.advanceTimersByTimeAsync(1);
    source.event(7, "started", RUNNING);
    await first;
    const year = String(366 * 24 * 3_600);
    plan(problem("SHARDCAST_OVERLOADED", { "retry-after": year }));
    const second = events.next();
    source.break();
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(sent).toHaveLength(2);
    await client.close();
    expect((await second).done).toBe(true);
  });

  test("is not taken for dead while it says that it lives", async () => {
    const { source, events, sent } = reading();
    const first = events.next();
    for (let round = 0; round < 10; round++) {
      await vi.advanceTimersByTimeAsync(50_000);
      source.send(":\n\n");
    }
    await vi.advanceTimersByTimeAsync(1);
    source.event(7, "started", RUNNING);
    expect((await first).value).toMatchObject({ state: "running" });
    expect(sent).toHaveLength(1);
    await events.return?.();
  });

  test("that has told all of it already is followed by the end", async () => {
    const { source, events, plan } = reading();
    const first = events.next();
    await vi.advanceTimersByTimeAsync(1);
    source.event(7, "started", RUNNING);
    await first;
    plan(answer(204, null), ended("done"));
    const second = next(events);
    source.break();
    expect((await second).value).toMatchObject({ state: "ended" });
    await events.next();
  });

  test.each([
    ["fails", unreachable, "SHARDCAST_LOG_UNAVAILABLE"],
    ["is refused", problem("SHARDCAST_UNKNOWN_REQUEST"), "SHARDCAST_UNKNOWN_REQUEST"],
    ["is refused for now", problem("SHARDCAST_OVERLOADED"), "SHARDCAST_OVERLOADED"],
    ["is none", answer(200, "<h1>Welcome"), "SHARDCAST_LOG_REFUSED"],
  ])("that %s before it has begun is told at once", async (_, step, code) => {
    const { client, sent, plan } = fakeGateway();
    plan(step);
    const events = client.events("accounts", "id-1")[Symbol.asyncIterator]();
    expect((await failure(events.next())).code).toBe(code);
    expect(sent).toHaveLength(1);
  });

  test("that says that there is no such request any more fails", async () => {
    const { source, events } = reading();
    const first = failure(events.next());
    await vi.advanceTimersByTimeAsync(1);
    source.event(1, "problem", { code: "SHARDCAST_UNKNOWN_REQUEST", detail: "gone" });
    expect(await first).toMatchObject({ code: "SHARDCAST_UNKNOWN_REQUEST", message: "gone" });
  });

  test("is let go when its reader is, and not read ahead of him (C7)", async () => {
    const { source, events } = reading();
    const first = events.next();
    await vi.advanceTimersByTimeAsync(1);
    source.event(7, "started", RUNNING);
    await first;
    expect(source.cancelled).toBe(false);
    await events.return?.();
    expect(source.cancelled).toBe(true);
  });

  test.each([
    ["at a stream", () => {}],
    ["between two", (source: EventSource) => source.break()],
  ])("is over when the signal fires %s, or the client closes", async (_, prepare) => {
    const caller = new AbortController();
    const added = vi.spyOn(caller.signal, "addEventListener");
    const removed = vi.spyOn(caller.signal, "removeEventListener");
    for (const stop of [(_: unknown) => caller.abort(), (client: { close(): unknown }) => client.close()]) {
      const { source, events, client } = reading(caller.signal.aborted ? undefined : caller.signal);
      const first = events.next();
      await vi.advanceTimersByTimeAsync(1);
      prepare(source);
      await vi.advanceTimersByTimeAsync(1);
      stop(client);
      expect(await first).toEqual({ done: true, value: undefined });
    }
    expect(removed.mock.calls.length).toBe(added.mock.calls.length);
  });

  test("is not even asked for by who is gone, and refused by a client that is closed", async () => {
    const { client, sent, plan } = fakeGateway();
    plan(silent);
    const gone = client.events("accounts", "id-1", { signal: AbortSignal.abort() });
    expect(await gone[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
    await client.close();
    const events = client.events("accounts", "id-1")[Symbol.asyncIterator]();
    expect((await failure(events.next())).code).toBe("SHARDCAST_CLOSED");
    expect(sent).toHaveLength(0);
  });
});
