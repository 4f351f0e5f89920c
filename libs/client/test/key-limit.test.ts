import { laneOf } from "@shardcast/routing";
import { describe, expect, it } from "vitest";
import { connectTo, LANES, SERVICE, startService } from "./support/service.ts";

const HOT = "1";
const OTHER = Array.from({ length: 100 }, (_, i) => String(i + 2)).find(
  (key) => laneOf(key, LANES) === laneOf(HOT, LANES),
) as string;
const BUSY = { code: "SHARDCAST_KEY_BUSY", status: 429, retryable: true };

describe("C7: a key has at most maxPendingPerKey in flight", () => {
  it("other keys of its lane go on, and there is room again with every answer", async () => {
    const service = await startService();
    const client = await connectTo(service, { maxPendingPerKey: 2 });
    const answers = [client.request(SERVICE, HOT), client.request(SERVICE, HOT)];
    await service.received(2);
    await expect(client.request(SERVICE, HOT)).rejects.toMatchObject(BUSY);
    await expect(client.submit(SERVICE, HOT)).rejects.toMatchObject(BUSY);
    const elsewhere = client.request(SERVICE, OTHER);
    await service.reply(await service.received(3));
    await elsewhere;
    await service.reply(await service.received(1));
    await answers[0];
    answers.push(client.request(SERVICE, HOT));
    await service.reply(await service.received(2));
    await service.reply(await service.received(4));
    await Promise.all(answers);
    expect(client.pending).toBe(0);
  });

  it("however a wait ends: time-out, abort, a log that is away", async () => {
    const service = await startService();
    const client = await connectTo(service, { maxPendingPerKey: 1 });
    await (await client.results(SERVICE)).restored;
    await expect(client.request(SERVICE, HOT, "", { timeoutMs: 5 })).rejects.toMatchObject({
      code: "SHARDCAST_DEADLINE_EXCEEDED",
    });
    const abort = new AbortController();
    const aborted = client.request(SERVICE, HOT, "", { signal: abort.signal });
    abort.abort();
    await expect(aborted).rejects.toMatchObject({ code: "SHARDCAST_ABORTED" });
    service.cluster.setAvailable(false);
    await expect(client.request(SERVICE, HOT)).rejects.toMatchObject({ code: "SHARDCAST_LOG_UNAVAILABLE" });
    for (const options of [{}, { waitMs: 10_000 }]) {
      await expect(client.submit(SERVICE, HOT, "", options)).rejects.toMatchObject({
        code: "SHARDCAST_LOG_UNAVAILABLE",
      });
    }
    service.cluster.setAvailable(true);
    const answer = client.request(SERVICE, HOT);
    await service.reply(await service.received(3));
    await answer;
  });

  it("counts what was submitted until it has ended, also after its caller has stopped waiting", async () => {
    const service = await startService();
    const client = await connectTo(service, { maxPendingPerKey: 2 });
    await (await client.results(SERVICE)).restored;
    const { id } = await client.submit(SERVICE, HOT);
    const second = await client.submit(SERVICE, HOT, "", { waitMs: 5 });
    expect(second.reply).toBeUndefined();
    await expect(client.submit(SERVICE, HOT)).rejects.toMatchObject(BUSY);
    await expect(client.submit(SERVICE, HOT, "", { waitMs: 5 })).rejects.toMatchObject(BUSY);
    await expect(client.request(SERVICE, HOT)).rejects.toMatchObject(BUSY);
    await client.submit(SERVICE, OTHER);
    await service.end(await service.received(1));
    await client.result(SERVICE, id, { waitMs: 10_000 });
    await client.submit(SERVICE, HOT);
    await expect(client.submit(SERVICE, HOT)).rejects.toMatchObject(BUSY);
  });

  it("does not count a submission that another limit refused", async () => {
    const service = await startService();
    const client = await connectTo(service, { maxPendingPerKey: 2, maxPendingPerLane: 1 });
    await (await client.results(SERVICE)).restored;
    const waiting = client.request(SERVICE, OTHER);
    await service.received(1);
    for (let round = 0; round < 3; round++) {
      await expect(client.submit(SERVICE, HOT, "", { waitMs: 5 })).rejects.toMatchObject({
        code: "SHARDCAST_LANE_BUSY",
      });
    }
    await client.submit(SERVICE, HOT);
    await service.reply(await service.received(1));
    await waiting;
  });

  it("tells who wants to know of every request before it may be refused", async () => {
    const service = await startService(() => ({}));
    const seen: string[] = [];
    const onRequest = (of: string, lane: number, key: Buffer) => seen.push(`${of}/${lane} ${key}`);
    const client = await connectTo(service, { onRequest });
    await client.request(SERVICE, HOT);
    await client.submit(SERVICE, HOT);
    await client.send(SERVICE, HOT);
    expect(seen).toEqual(Array(3).fill(`${SERVICE}/${laneOf(HOT, LANES)} ${HOT}`));
  });
});
