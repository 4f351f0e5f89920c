import type { BroadcastChange, BroadcastQuery } from "@shardcast/broadcasts";
import type { Log, ReaderOptions } from "@shardcast/log";
import { broadcastTopicsOf } from "@shardcast/protocol";
import { describe, expect, it } from "vitest";
import { Members } from "./support/members.ts";
import { SERVICE } from "./support/service.ts";

const NO_ID = "01935b2e-0000-7000-8000-000000000000";

/** A broadcast, and a client that has not sent it. */
async function known() {
  const members = await Members.start();
  const sender = await members.client();
  const broadcast = await sender.broadcast(SERVICE, { rates: 2 }, { handler: "reload" });
  const client = await members.client();
  return { members, sender, broadcast, id: broadcast.id, client, broadcasts: client.broadcasts };
}

function told({ members, status }: BroadcastChange): [string[], string] {
  return [members.map(({ member, state }) => `${member} ${state}`), status.verdict];
}

describe("the status of a broadcast", () => {
  it("is known to every client, not only to who sent it (C6)", async () => {
    const { members, broadcast, id, broadcasts } = await known();
    expect(await broadcasts.status(SERVICE, id)).toEqual(broadcast.accepted);
    for (const member of ["0", "1", "2"]) await members.acked(id, member);
    const status = await broadcasts.status(SERVICE, id, { waitMs: 60_000 });
    expect(status).toEqual(await broadcast.ended);
  });

  it("is known to a client that has not read it yet: it reads first (C6)", async () => {
    const members = await Members.start();
    const { log } = members.service;
    const reading = Promise.withResolvers<void>();
    const slow: Log = Object.create(log, {
      openReader: {
        value: (options: ReaderOptions) =>
          log.openReader({
            ...options,
            onRecords: (records) => void reading.promise.then(() => options.onRecords(records)),
          }),
      },
      rangesOf: {
        value: async (topic: string) => {
          const ranges = await log.rangesOf(topic);
          if (topic === broadcastTopicsOf(SERVICE).broadcast.name) asked();
          return ranges;
        },
      },
    });
    let asked = () => {};
    const [sender, client] = [await members.client(), await members.client({ log: slow })];
    const followed = await client.followBroadcasts(SERVICE);
    asked = reading.resolve;
    const { id, accepted } = await sender.broadcast(SERVICE, {});
    expect(followed.get(id)).toBeUndefined();
    expect(await client.broadcasts.status(SERVICE, id)).toEqual(accepted);
  });

  it("is what is known when the time is over, and told at once without one", async () => {
    const { id, broadcasts } = await known();
    for (const options of [{}, { waitMs: 1 }]) {
      const status = await broadcasts.status(SERVICE, id, options);
      expect(status.verdict).toBe("open");
      expect(status).not.toHaveProperty("reason");
    }
  });

  it("is no longer asked for when the signal fires, or the client closes", async () => {
    const { id, client, broadcasts } = await known();
    const caller = new AbortController();
    const options = { waitMs: 60_000, signal: caller.signal };
    const waiting = broadcasts.status(SERVICE, id, options);
    caller.abort("enough");
    await expect(waiting).rejects.toMatchObject({ code: "SHARDCAST_ABORTED", cause: "enough" });
    const later = broadcasts.status(SERVICE, id, { waitMs: 60_000 });
    await broadcasts.status(SERVICE, id);
    await client.close();
    await expect(later).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
  });

  it("of none is unknown, as is what else is asked of it", async () => {
    const { broadcasts } = await known();
    for (const id of ["", "no-id", NO_ID]) {
      const asked = [
        broadcasts.status(SERVICE, id, { waitMs: 60_000 }),
        broadcasts.cancel(SERVICE, id),
        broadcasts.redrive(SERVICE, id),
        broadcasts.events(SERVICE, id)[Symbol.asyncIterator]().next(),
      ];
      for (const call of asked)
        await expect(call).rejects.toMatchObject({ code: "SHARDCAST_UNKNOWN_BROADCAST" });
    }
  });
});

describe("the events of a broadcast", () => {
  it("tell how it stands, each change, and end when everything final was said (C6)", async () => {
    const { members, id, broadcasts } = await known();
    const events = broadcasts.events(SERVICE, id)[Symbol.asyncIterator]();
    const { value: first } = await events.next();
    expect(told(first)).toEqual([["0 waiting", "1 waiting", "2 waiting"], "open"]);
    const seen: [string[], string][] = [];
    const acts = [
      () => members.running(id, "1"),
      () => members.acked(id, "1"),
      () => members.acked(id, "0"),
      () => members.failed(id, "2"),
    ];
    let { seq } = first;
    for (const act of acts) {
      await act();
      const { value } = await events.next();
      expect(value.seq).toBe(++seq);
      seen.push(told(value));
    }
    expect(seen).toEqual([
      [["1 running"], "open"],
      [["1 acked"], "open"],
      [["0 acked"], "open"],
      [["2 failed"], "partly"],
    ]);
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  it("go on after the verdict, to the last word about every member", async () => {
    const members = await Members.start();
    const client = await members.client();
    const { id, ended } = await client.broadcast(SERVICE, {}, { ack: 1 });
    await members.acked(id, "0");
    await ended;
    const events = client.broadcasts.events(SERVICE, id)[Symbol.asyncIterator]();
    expect(told((await events.next()).value)).toEqual([["0 acked", "1 waiting", "2 waiting"], "satisfied"]);
    await members.acked(id, "1");
    expect(told((await events.next()).value)).toEqual([["1 acked"], "satisfied"]);
    await members.acked(id, "2");
    expect(told((await events.next()).value)).toEqual([["2 acked"], "satisfied"]);
    expect((await events.next()).done).toBe(true);
  });

  it("give who reads slowly in one what has changed meanwhile, the last word of each", async () => {
    const { members, sender, broadcast, id, broadcasts } = await known();
    const events = broadcasts.events(SERVICE, id)[Symbol.asyncIterator]();
    await events.next();
    for (const member of ["0", "1", "2"]) {
      await members.running(id, member);
      await members.acked(id, member);
    }
    await broadcast.ended;
    await broadcasts.status(SERVICE, id, { waitMs: 60_000 });
    expect(told((await events.next()).value)).toEqual([["0 acked", "1 acked", "2 acked"], "satisfied"]);
    expect((await events.next()).done).toBe(true);
    await sender.close();
  });

  it("are only what has changed after the one that is named; nothing when that was the last", async () => {
    const { members, broadcast, id, broadcasts } = await known();
    await members.acked(id, "1");
    await broadcast[Symbol.asyncIterator]().next();
    const [first] = await collect(broadcasts.events(SERVICE, id), 1);
    const seq = first?.seq ?? 0;
    const events = broadcasts.events(SERVICE, id, { after: seq })[Symbol.asyncIterator]();
    const next = events.next();
    await members.acked(id, "0");
    expect(told((await next).value)).toEqual([["0 acked"], "open"]);
    const before = await collect(broadcasts.events(SERVICE, id, { after: seq - 1 }), 1);
    expect(before.map(told)).toEqual([[["0 acked", "1 acked"], "open"]]);
    await members.acked(id, "2");
    const { value: last } = await events.next();
    expect(await collect(broadcasts.events(SERVICE, id, { after: last.seq }), 1)).toEqual([]);
  });

  it("are over when the signal fires, and when the client closes, and are none of a closed one", async () => {
    const { id, client, broadcasts } = await known();
    const caller = new AbortController();
    for (const [signal, stop] of [
      [caller.signal, () => caller.abort()],
      [new AbortController().signal, () => void client.close()],
    ] as const) {
      const events = broadcasts.events(SERVICE, id, { signal })[Symbol.asyncIterator]();
      await events.next();
      const next = events.next();
      stop();
      expect(await next).toEqual({ done: true, value: undefined });
    }
    const closed = broadcasts.events(SERVICE, id)[Symbol.asyncIterator]().next();
    await expect(closed).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
  });

  it.each([-1, 1.5, Number.NaN])("after %s are refused", async (after) => {
    const { id, broadcasts } = await known();
    const next = broadcasts.events(SERVICE, id, { after })[Symbol.asyncIterator]().next();
    await expect(next).rejects.toMatchObject({
      code: "SHARDCAST_INVALID_REQUEST",
      message: expect.stringMatching(/^after: /),
    });
  });
});

describe("the broadcasts of a service", () => {
  it("are listed, the newest first, by pages, state and handler", async () => {
    const { members, sender, id: first, broadcast, broadcasts } = await known();
    const { id: second } = await sender.broadcast(SERVICE, {}, { handler: "other" });
    for (const member of ["0", "1", "2"]) await members.acked(first, member);
    await broadcast.ended;
    await broadcasts.status(SERVICE, first, { waitMs: 60_000 });
    const ids = async (query: BroadcastQuery) =>
      (await broadcasts.list(SERVICE, query)).items.map(({ id }) => id);
    expect(await ids({})).toEqual([second, first]);
    expect(await ids({ state: "open" })).toEqual([second]);
    expect(await ids({ state: "ended" })).toEqual([first]);
    expect(await ids({ handler: "reload" })).toEqual([first]);
    const { items, next = "" } = await broadcasts.list(SERVICE, { limit: 1 });
    expect(items.map(({ id }) => id)).toEqual([second]);
    expect(await ids({ limit: 1, after: next })).toEqual([first]);
  });

  it.each<[BroadcastQuery, RegExp]>([
    [{ limit: 0 }, /^limit: /],
    [{ limit: 501 }, /^limit: /],
    [{ state: "closed" as "open" }, /^state: /],
    [{ handler: "a\u0000" }, /^handler: /],
    [{ after: "not one" }, /^after: /],
  ])("are not listed by %o", async (query, message) => {
    const { broadcasts } = await known();
    const error = await broadcasts.list(SERVICE, query).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "SHARDCAST_INVALID_REQUEST" });
    expect((error as Error).message).toMatch(message);
  });

  it("are sent again to those alone that did not do it, and that is another broadcast", async () => {
    const { members, broadcast, id, broadcasts } = await known();
    await expect(broadcasts.redrive(SERVICE, id)).rejects.toMatchObject({ code: "SHARDCAST_NO_MEMBERS" });
    await members.acked(id, "0");
    await members.failed(id, "1");
    await members.acked(id, "2");
    await broadcast.ended;
    await broadcasts.status(SERVICE, id, { waitMs: 60_000 });
    const again = await broadcasts.redrive(SERVICE, id, { ttlMs: 5_000 });
    expect(again.accepted).toMatchObject({ redriveOf: id, members: [{ member: "1", state: "waiting" }] });
    expect(members.published()[1]?.body.toString()).toBe('{"rates":2}');
    await members.acked(again.id, "1");
    expect(await again.ended).toMatchObject({ verdict: "satisfied" });
    expect(await broadcasts.status(SERVICE, id)).toMatchObject({ verdict: "partly" });
    const refused = broadcasts.redrive(SERVICE, id, { ack: 1.5 });
    await expect(refused).rejects.toMatchObject({ code: "SHARDCAST_INVALID_REQUEST" });
  });

  it("are followed once, by all who ask, until the client closes", async () => {
    const members = await Members.start();
    const client = await members.client();
    const [one, other] = await Promise.all([
      client.followBroadcasts(SERVICE),
      client.followBroadcasts(SERVICE),
    ]);
    expect(one).toBe(other);
    await one.restored;
    await client.broadcast(SERVICE, {});
    expect(one.size).toBe(1);
    await client.close();
    await expect(one.cancel(NO_ID)).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
    await expect(client.followBroadcasts(SERVICE)).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
    await expect(client.broadcasts.list(SERVICE)).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
  });

  it("are kept as long as the client was told, and no longer waited for than that", async () => {
    const members = await Members.start();
    const client = await members.client({ broadcastRetentionMs: 60_000 });
    await expect(client.broadcast(SERVICE, {}, { ttlMs: 60_001 })).rejects.toMatchObject({
      code: "SHARDCAST_INVALID_REQUEST",
    });
  });

  it("are closed by a client that keeps them when their time is over, and by no other (C8)", async () => {
    const members = await Members.start();
    const client = await members.client();
    const { id } = await client.broadcast(SERVICE, {}, { ttlMs: 1 });
    const keeper = await members.client({ broadcastKeeper: true });
    await keeper.followBroadcasts(SERVICE);
    const status = await client.broadcasts.status(SERVICE, id, { waitMs: 60_000 });
    expect(status).toMatchObject({ verdict: "failed", reason: "expired" });
  });
});

/** At most so many of what comes. */
async function collect(events: AsyncIterable<BroadcastChange>, most: number): Promise<BroadcastChange[]> {
  const changes: BroadcastChange[] = [];
  for await (const change of events) {
    changes.push(change);
    if (changes.length === most) break;
  }
  return changes;
}
