import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createMemoryLog } from "@shardcast/log/memory";
import { laneOf } from "@shardcast/routing";
import { beforeEach, describe, expect, it } from "vitest";
import { connectTo, LANES, SERVICE, startService, timers } from "./support/service.ts";

let timersBefore = 0;

beforeEach(() => {
  timersBefore = timers();
});

/** Nothing of an ended request is left. */
function expectNothingLeft(client: { readonly pending: number }, signal?: AbortSignal): void {
  expect(client.pending).toBe(0);
  expect(timers()).toBe(timersBefore);
  if (signal !== undefined) expect(getEventListeners(signal, "abort")).toEqual([]);
}

describe("every way a request ends leaves nothing behind", () => {
  it("reply", async () => {
    const service = await startService();
    const client = await connectTo(service);
    const { signal } = new AbortController();
    timersBefore = timers();
    const answer = client.request(SERVICE, "1", "", { signal });
    const request = await service.received(1);
    expect(client.pending).toBe(1);
    expect(timers()).toBe(timersBefore + 1);
    expect(getEventListeners(signal, "abort").length).toBe(1);
    await service.reply(request);
    await answer;
    expectNothingLeft(client, signal);
  });

  it("time-out", async () => {
    const service = await startService();
    const client = await connectTo(service);
    const { signal } = new AbortController();
    await expect(client.request(SERVICE, "1", "", { timeoutMs: 10, signal })).rejects.toMatchObject({
      code: "SHARDCAST_DEADLINE_EXCEEDED",
    });
    expectNothingLeft(client, signal);
  });

  it("abort while it waits", async () => {
    const service = await startService();
    const client = await connectTo(service);
    const controller = new AbortController();
    const answer = client.request(SERVICE, "1", "", { signal: controller.signal });
    await service.received(1);
    controller.abort(new Error("enough"));
    await expect(answer).rejects.toMatchObject({
      code: "SHARDCAST_ABORTED",
      cause: expect.objectContaining({ message: "enough" }),
    });
    expectNothingLeft(client, controller.signal);
  });

  it("abort before: nothing is published", async () => {
    const service = await startService();
    const client = await connectTo(service);
    const signal = AbortSignal.abort();
    await expect(client.request(SERVICE, "1", "", { signal })).rejects.toMatchObject({
      code: "SHARDCAST_ABORTED",
    });
    expectNothingLeft(client, signal);
    await client.send(SERVICE, "1", "marker");
    expect((await service.received(1)).body.toString()).toBe("marker");
  });

  it("the log refuses it", async () => {
    const service = await startService();
    const client = await connectTo(service, { services: { [SERVICE]: {} } });
    service.cluster.setAvailable(false);
    const { signal } = new AbortController();
    await expect(client.request(SERVICE, "1", "", { signal })).rejects.toMatchObject({
      code: "SHARDCAST_LOG_UNAVAILABLE",
    });
    expectNothingLeft(client, signal);
  });

  it("close", async () => {
    const service = await startService();
    const log = createMemoryLog(service);
    const client = await connectTo(service, { log });
    const { signal } = new AbortController();
    const answers = ["1", "2", "3"].map((key) => client.request(SERVICE, key, "", { signal }));
    const ends = Promise.allSettled(answers);
    await service.received(3);
    await client.close();
    for (const end of await ends) {
      expect(end).toMatchObject({ status: "rejected", reason: { code: "SHARDCAST_CLOSED" } });
    }
    expectNothingLeft(client, signal);
    await client.close();
    await expect(client.request(SERVICE, "1")).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
    await expect(client.send(SERVICE, "1")).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
    // The log stays the caller's.
    await expect(log.partitionsOf(`${SERVICE}.requests`)).resolves.toBe(LANES);
  });

  it("close while the listener is being opened", async () => {
    const service = await startService();
    const log = createMemoryLog(service);
    const openReader = log.openReader.bind(log);
    let opened = () => {};
    let isOpen = false;
    const opening = new Promise<void>((resolve) => {
      log.openReader = async (options) => {
        resolve();
        await new Promise<void>((go) => {
          opened = go;
        });
        const reader = await openReader(options);
        isOpen = true;
        const close = reader.close.bind(reader);
        reader.close = () => {
          isOpen = false;
          return close();
        };
        return reader;
      };
    });
    const client = await connectTo(service, { log });
    const answer = client.request(SERVICE, "1");
    const ended = expect(answer).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
    await opening;
    const closed = client.close();
    opened();
    await closed;
    await ended;
    expect(isOpen).toBe(false);
    expectNothingLeft(client);
    expect(service.requests).toEqual([]);
  });
});

describe("C7: limits", () => {
  it("over maxPending: SHARDCAST_OVERLOADED, nothing published, and room again afterwards", async () => {
    const service = await startService();
    const client = await connectTo(service, { maxPending: 2 });
    timersBefore = timers();
    const answers = [client.request(SERVICE, "1"), client.request(SERVICE, "2")];
    await service.received(2);
    const { signal } = new AbortController();
    await expect(client.request(SERVICE, "3", "", { signal })).rejects.toMatchObject({
      code: "SHARDCAST_OVERLOADED",
    });
    expect(getEventListeners(signal, "abort")).toEqual([]);
    for (const request of [...service.requests]) await service.reply(request);
    await Promise.all(answers);
    expectNothingLeft(client);
    const again = client.request(SERVICE, "3", "again");
    const request = await service.received(3);
    expect(request.body.toString()).toBe("again");
    await service.reply(request);
    await again;
  });

  it("over maxPendingPerLane: SHARDCAST_LANE_BUSY, other lanes go on, and room again afterwards", async () => {
    const service = await startService();
    const client = await connectTo(service, { maxPendingPerLane: 2 });
    const other = ["2", "3", "4", "5", "6"].find(
      (key) => laneOf(key, LANES) !== laneOf("1", LANES),
    ) as string;
    const first = client.request(SERVICE, "1");
    let waiting = client.request(SERVICE, "1");
    let last = await service.received(2);
    for (let round = 0; round < 3; round++) {
      await expect(client.request(SERVICE, "1")).rejects.toMatchObject({ code: "SHARDCAST_LANE_BUSY" });
      const elsewhere = client.request(SERVICE, other);
      await service.reply(await service.received(2 * round + 3));
      await elsewhere;
      await service.reply(last);
      await waiting;
      waiting = client.request(SERVICE, "1");
      last = await service.received(2 * round + 4);
    }
    await service.reply(last);
    await service.reply(await service.received(1));
    await Promise.all([first, waiting]);
    expectNothingLeft(client);
  });
});

it("C7: first requests that find the service at the same time are counted together", async () => {
  const service = await startService();
  const client = await connectTo(service, { maxPendingPerLane: 1 });
  const ends = [client.request(SERVICE, "1"), client.request(SERVICE, "1")];
  const settled = Promise.allSettled(ends);
  await service.reply(await service.received(1));
  expect((await settled).map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(service.requests.length).toBe(1);
});

it("C7: a request that waits does not keep its body in memory", async () => {
  const service = await startService();
  const log = createMemoryLog(service);
  log.append = async () => ({ offset: 0 });
  const client = await connectTo(service, { log, services: { [SERVICE]: {} } });
  const collected: string[] = [];
  const registry = new FinalizationRegistry<string>((name) => collected.push(name));
  const answer = request();
  const ended = expect(answer).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
  await expect
    .poll(
      () => {
        collectGarbage();
        return collected;
      },
      { timeout: 5_000 },
    )
    .toEqual(["body"]);
  expect(client.pending).toBe(1);
  await client.close();
  await ended;

  function request() {
    const body = Buffer.alloc(1_000_000);
    registry.register(body, "body");
    return client.request(SERVICE, "1", body);
  }
});

/** Without a flag for the whole run: only this test wants it. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}
