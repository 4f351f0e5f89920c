import { createMemoryLog } from "@shardcast/log/memory";
import { encodeReply } from "@shardcast/protocol";
import { murmur2Lane } from "@shardcast/routing";
import { describe, expect, it } from "vitest";
import { connectTo, REPLIES, SERVICE, startService } from "./support/service.ts";

describe("C4: a caller gets at most one reply, and only its own", () => {
  it("ignores the second reply", async () => {
    const service = await startService();
    const client = await connectTo(service);
    const answer = client.request(SERVICE, "1");
    const request = await service.received(1);
    await service.reply(request, { body: Buffer.from("first") });
    await service.reply(request, { body: Buffer.from("second"), status: 500 });
    await expect(answer).resolves.toMatchObject({ body: Buffer.from("first") });
    await stillWorks(service, client);
  });

  it("ignores a reply that comes too late", async () => {
    const service = await startService();
    const client = await connectTo(service);
    await expect(client.request(SERVICE, "1", "", { timeoutMs: 5 })).rejects.toMatchObject({
      code: "SHARDCAST_DEADLINE_EXCEEDED",
    });
    await service.reply(await service.received(1));
    await stillWorks(service, client);
  });

  it("ignores strangers' bytes in the replies topic", async () => {
    const service = await startService();
    const client = await connectTo(service, { instance: "me" });
    const answer = client.request(SERVICE, "1");
    const request = await service.received(1);
    const partition = murmur2Lane("me", 16);
    const ours = encodeReply({
      id: request.id,
      instance: "me",
      status: 200,
      headers: {},
      body: Buffer.from("x"),
    });
    const garbage = [
      { key: null, value: null, headers: {} },
      { key: Buffer.from(request.id), value: Buffer.from("x"), headers: {} },
      { key: Buffer.from(request.id), value: Buffer.from("x"), headers: { "sc-to": "me" } },
      { ...ours, key: null },
      { ...ours, headers: { ...ours.headers, "sc-status": "teapot" } },
      { ...ours, headers: { ...ours.headers, "sc-version": Buffer.from([99]) } },
      { ...ours, headers: { ...ours.headers, "sc-version": "" } },
      { ...ours, key: Buffer.from("another request") },
    ];
    for (const record of garbage) await service.log.append({ topic: REPLIES, partition, ...record });
    await service.reply(request);
    await expect(answer).resolves.toMatchObject({ body: Buffer.from("answer") });
  });

  it("drops replies for another instance on the same partition, even with an id that waits", async () => {
    const service = await startService();
    const me = await connectTo(service, { instance: "me" });
    const twin = Array.from({ length: 1000 }, (_, n) => `twin-${n}`).find(
      (name) => murmur2Lane(name, 16) === murmur2Lane("me", 16),
    ) as string;
    const other = await connectTo(service, { instance: twin });
    const mine = me.request(SERVICE, "1");
    const request = await service.received(1);
    const theirs = other.request(SERVICE, "1");
    const theirRequest = await service.received(2);
    await service.reply(request, { instance: twin, body: Buffer.from("stray") });
    await service.reply(theirRequest, { body: Buffer.from("theirs") });
    await service.reply(request, { body: Buffer.from("mine") });
    expect((await mine).body.toString()).toBe("mine");
    expect((await theirs).body.toString()).toBe("theirs");
  });

  it("takes a reply that overtakes the log's confirmation", async () => {
    const service = await startService(() => ({}));
    const log = createMemoryLog(service);
    const append = log.append.bind(log);
    const confirmed: (() => void)[] = [];
    log.append = async (record) => {
      const outcome = await append(record);
      await new Promise<void>((resolve) => {
        confirmed.push(resolve);
      });
      return outcome;
    };
    const client = await connectTo(service, { log });
    await expect(client.request(SERVICE, "1")).resolves.toHaveProperty("status", 200);
    expect(confirmed.length).toBe(1);
    confirmed[0]?.();
  });

  it("listens before it publishes", async () => {
    const service = await startService();
    const log = createMemoryLog(service);
    const order: string[] = [];
    const [append, openReader] = [log.append.bind(log), log.openReader.bind(log)];
    log.append = (record) => {
      order.push("published");
      return append(record);
    };
    log.openReader = async (options) => {
      const reader = await openReader(options);
      order.push(...(options.start ?? []).map(({ from }) => `listening ${from}`));
      return reader;
    };
    const client = await connectTo(service, { log });
    const answers = [client.request(SERVICE, "1"), client.request(SERVICE, "2")];
    for (const count of [1, 2]) await service.reply(await service.received(count));
    await Promise.all(answers);
    // One listener for both.
    expect(order).toEqual(["listening latest", "published", "published"]);
  });

  it("opens the listener again after it failed, and closes it in the end", async () => {
    const service = await startService(() => ({}));
    const log = createMemoryLog(service);
    let failed = false;
    let open = 0;
    const openReader = log.openReader.bind(log);
    log.openReader = async (options) => {
      if (!failed) {
        failed = true;
        throw new Error("not opened");
      }
      const reader = await openReader(options);
      open++;
      const close = reader.close.bind(reader);
      reader.close = () => {
        open--;
        return close();
      };
      return reader;
    };
    const client = await connectTo(service, { log });
    await expect(client.request(SERVICE, "1")).rejects.toThrow("not opened");
    await expect(client.request(SERVICE, "1")).resolves.toHaveProperty("status", 200);
    expect(open).toBe(1);
    expect(service.requests.length).toBe(1);
    await client.close();
    expect(open).toBe(0);
  });
});

async function stillWorks(
  service: Awaited<ReturnType<typeof startService>>,
  client: Awaited<ReturnType<typeof connectTo>>,
): Promise<void> {
  const answer = client.request(SERVICE, "1");
  await service.reply(await service.received(service.requests.length + 1));
  await expect(answer).resolves.toHaveProperty("status", 200);
  expect(client.pending).toBe(0);
}
