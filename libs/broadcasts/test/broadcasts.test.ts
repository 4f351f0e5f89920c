import { ackPartitionOf, type BroadcastEnvelope, encodeAck, isShardcastError } from "@shardcast/protocol";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type BroadcastChange, type BroadcastDraft, type Broadcasts, openBroadcasts } from "../src/index.ts";
import { acked, beat, broadcast, closed, failed, map, running, up } from "./support/records.ts";
import { World } from "./support/world.ts";

const DRAFT: BroadcastDraft = { handler: "reload", body: Buffer.from("rates") };
const THREE = [acked, acked, acked] as const;

async function published(broadcasts: Broadcasts, more: Partial<BroadcastDraft> = {}): Promise<string> {
  return (await broadcasts.publish({ ...DRAFT, ...more })).status.id;
}

function ackAll(id: string) {
  return THREE.map((ack, member) => ack(id, String(member)));
}

function code(expected: string, detail = "") {
  return expect.objectContaining({ code: expected, message: expect.stringContaining(detail) });
}

describe("a broadcast that is published", () => {
  test("C6: is on the log with whom it expects, and known at once, open", async () => {
    const world = await World.open();
    await world.tell(map(4, 2), beat("pod-x"));
    const broadcasts = await world.broadcasts();
    const before = Date.now();
    const { status, replayed } = await broadcasts.publish({
      ...{ ...DRAFT, contentType: "text/plain", traceparent: "t", headers: { "x-one": "1" }, ttlMs: 5_000 },
      ack: { kind: "count", count: 2 },
    });
    expect(replayed).toBe(false);
    expect(status).toMatchObject({
      service: "accounts",
      handler: "reload",
      ack: 2,
      epoch: 4,
      verdict: "open",
    });
    expect(status).toEqual(broadcasts.get(status.id));
    expect(status.acceptedMs).toBeGreaterThanOrEqual(before);
    expect(status.expiresMs).toBe(status.acceptedMs + 5_000);
    expect(status.members).toEqual([
      { member: "0", kind: "durable", state: "waiting" },
      { member: "1", kind: "durable", state: "waiting" },
      { member: "pod-x", kind: "ephemeral", state: "waiting" },
    ]);
    expect(world.published()).toEqual([
      {
        ...{
          id: status.id,
          service: "accounts",
          handler: "reload",
          body: DRAFT.body,
          epoch: 4,
          targeted: false,
        },
        ...{ contentType: "text/plain", traceparent: "t", headers: { "x-one": "1" } },
        ...{ acceptedMs: status.acceptedMs, expiresMs: status.expiresMs, ack: { kind: "count", count: 2 } },
        expected: [{ member: "0" }, { member: "1" }, { member: "pod-x", incarnation: "pod-x-a" }],
      },
    ]);
  });

  test("C6: expects whom S.control names when it is published, also what was written there just before", async () => {
    const world = await World.open();
    const broadcasts = await world.broadcasts();
    void world.tell(map(1, 5), up("3", false));
    const { status } = await broadcasts.publish(DRAFT);
    expect(status.members.map(({ member }) => member)).toEqual(["0", "1", "2", "4"]);
  });

  test("C6: is the same in every process, and after a restart, to the last word and its seq", async () => {
    const world = await World.open();
    const one = await world.broadcasts();
    const two = await world.broadcasts();
    const id = await published(one);
    await world.say(running(id, "0"), acked(id, "0"), running(id, "1"), failed(id, "1"), acked(id, "1"));
    await world.say(acked(id, "2", 5));
    await vi.waitFor(() => expect(one.get(id)?.verdict).toBe("partly"));
    await vi.waitFor(() => expect(two.get(id)).toEqual(one.get(id)));
    const restarted = await world.broadcasts();
    await restarted.restored;
    expect(restarted.get(id)).toEqual(one.get(id));
    for (const seq of [0, 1, 2, 3, 4, 5, 6]) expect(restarted.since(id, seq)).toEqual(one.since(id, seq));
    expect(one.since(id, 0)?.seq).toBe(6);
    expect(restarted.dropped).toEqual(one.dropped);
    expect(one.dropped).toEqual({ unknown: 0, unexpected: 0, stale: 0, late: 1 });
  });

  test("C6: its changes are told to who watches, one after the other", async () => {
    const world = await World.open();
    const broadcasts = await world.broadcasts();
    const id = await published(broadcasts);
    const changes: BroadcastChange[] = [];
    const unwatch = broadcasts.watch(id, (change) => void changes.push(change));
    await world.say(running(id, "0"), acked(id, "0"), acked(id, "0"), acked(id, "1"), acked(id, "2"));
    await vi.waitFor(() => expect(broadcasts.get(id)?.verdict).toBe("satisfied"));
    expect(changes.map(({ seq, members }) => [seq, members[0]?.member, members[0]?.state])).toEqual([
      [2, "0", "running"],
      [3, "0", "acked"],
      [4, "1", "acked"],
      [5, "2", "acked"],
    ]);
    expect(changes.at(-1)?.status).toBe(broadcasts.get(id));
    unwatch();
    const other = await published(broadcasts);
    await world.say(acked(other, "0"));
    await vi.waitFor(() => expect(broadcasts.since(other, 1)?.seq).toBe(2));
    expect(changes).toHaveLength(4);
  });
});

describe("at the door", () => {
  const cases: [string, Partial<BroadcastDraft>, string][] = [
    ["a handler with control characters", { handler: "a\n" }, "handler"],
    ["a header that can not travel", { headers: { "X-One": "1" } }, "X-One"],
    ["a time to live of nothing", { ttlMs: 0 }, "ttlMs"],
    ["a time to live beyond the retention", { ttlMs: 24 * 3_600_000 + 1 }, "ttlMs"],
    ["no acknowledgement by number", { ack: { kind: "count", count: 0 } }, "ack"],
    ["more acknowledgements than members", { ack: { kind: "count", count: 4 } }, "ack"],
    ["an empty idempotency key", { idempotencyKey: "" }, "idempotencyKey"],
    ["an idempotency key without end", { idempotencyKey: "k".repeat(256) }, "idempotencyKey"],
  ];
  test.each(cases)("%s is refused, and nothing is written", async (_, more, named) => {
    const world = await World.open();
    const broadcasts = await world.broadcasts();
    await expect(broadcasts.publish({ ...DRAFT, ...more })).rejects.toThrow(
      code("SHARDCAST_INVALID_REQUEST", named),
    );
    expect(world.published()).toEqual([]);
  });

  test("C6: with nobody to expect it is refused, unless nobody is awaited", async () => {
    const world = await World.open();
    const broadcasts = await world.broadcasts({ replicas: 0 });
    await expect(broadcasts.publish(DRAFT)).rejects.toThrow(code("SHARDCAST_NO_MEMBERS"));
    const { status } = await broadcasts.publish({ ...DRAFT, ack: { kind: "none" } });
    expect(status).toMatchObject({ verdict: "satisfied", reason: "not-awaited", members: [] });
  });

  test("C6: while it is not known how many there are to be it is refused, also with some alive", async () => {
    const world = await World.open();
    await world.tell(up("0", true), beat("pod-x"));
    const broadcasts = await world.broadcasts({ replicas: 0 });
    await expect(broadcasts.publish(DRAFT)).rejects.toThrow(code("SHARDCAST_NO_MEMBERS", "replicas"));
    const { status } = await broadcasts.publish({ ...DRAFT, ack: { kind: "none" } });
    expect(status.members.map(({ member }) => member)).toEqual(["pod-x"]);
  });

  test("a body that the log does not take is refused", async () => {
    const world = await World.open({ maxRecordBytes: 10_000 });
    const broadcasts = await world.broadcasts();
    const body = Buffer.alloc(10_000);
    await expect(broadcasts.publish({ ...DRAFT, body })).rejects.toThrow(code("SHARDCAST_BODY_TOO_LARGE"));
  });

  test("while the log is away it is refused at once", async () => {
    const world = await World.open();
    const broadcasts = await world.broadcasts();
    await broadcasts.restored;
    world.cluster.setAvailable(false);
    await expect(broadcasts.publish(DRAFT)).rejects.toThrow(code("SHARDCAST_LOG_UNAVAILABLE"));
  });

  test("C7: no more than so many are open; who has room again is told when to come", async () => {
    const world = await World.open();
    const broadcasts = await world.broadcasts({ maxOpen: 2 });
    const all = await Promise.allSettled([1, 2, 3].map(() => broadcasts.publish(DRAFT)));
    const [refused] = all.flatMap((each) => (each.status === "rejected" ? [each.reason as unknown] : []));
    expect(refused).toMatchObject({ code: "SHARDCAST_OVERLOADED", extensions: { retryAfterSeconds: 1 } });
    const [id] = all.flatMap((each) => (each.status === "fulfilled" ? [each.value.status.id] : []));
    expect(broadcasts.size).toBe(2);
    await world.say(...ackAll(id ?? ""));
    await vi.waitFor(() => expect(broadcasts.get(id ?? "")?.verdict).toBe("satisfied"));
    await published(broadcasts);
  });
});

describe("C5: with an idempotency key", () => {
  test("it is published once, from whichever process, and its status replayed", async () => {
    const world = await World.open();
    const one = await world.broadcasts();
    const two = await world.broadcasts();
    const draft = { ...DRAFT, idempotencyKey: "job-1" };
    const first = await one.publish(draft);
    expect(first.replayed).toBe(false);
    await world.say(acked(first.status.id, "0"));
    await vi.waitFor(() => expect(two.since(first.status.id, 1)?.seq).toBe(2));
    const again = await two.publish(draft);
    expect(again).toEqual({ status: two.get(first.status.id), replayed: true });
    expect(world.published()).toHaveLength(1);
  });

  test("of those that are published at once the first on the log counts, for everybody", async () => {
    const world = await World.open();
    const all = await Promise.all([world.broadcasts(), world.broadcasts()]);
    const draft = { ...DRAFT, idempotencyKey: "job-1" };
    const answers = await Promise.all([...all, ...all].map((each) => each.publish(draft)));
    expect(new Set(answers.map(({ status }) => status.id)).size).toBe(1);
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(answers.map(({ status }) => status.acceptedMs))).toEqual(
      new Set([world.published()[0]?.acceptedMs]),
    );
    expect(all.map(({ size }) => size)).toEqual([1, 1]);
  });

  test.each<[string, Partial<BroadcastDraft>]>([
    ["body", { body: Buffer.from("other") }],
    ["handler", { handler: "other" }],
    ["content type", { contentType: "text/csv" }],
  ])("another %s is refused, also in a race", async (_, more) => {
    const world = await World.open();
    const broadcasts = await world.broadcasts();
    const draft = { ...DRAFT, idempotencyKey: "job-1" };
    const mismatch = code("SHARDCAST_IDEMPOTENCY_MISMATCH");
    const first = broadcasts.publish(draft);
    await expect(broadcasts.publish({ ...draft, ...more })).rejects.toThrow(mismatch);
    await first;
    await expect(broadcasts.publish({ ...draft, ...more })).rejects.toThrow(mismatch);
  });
});

describe("C6: what is said on S.acks", () => {
  test("by a process that was replaced does not count, from its successor's mark on", async () => {
    const world = await World.open();
    const broadcasts = await world.broadcasts();
    const id = await published(broadcasts);
    await world.say({ kind: "joined", member: "0", token: 5 }, acked(id, "0", 4), acked(id, "1", 4));
    await vi.waitFor(() => expect(broadcasts.dropped.stale).toBe(1));
    await world.say(acked(id, "0", 5));
    await vi.waitFor(() => expect(broadcasts.since(id, 0)?.seq).toBe(3));
    await world.say(acked(id, "1", 4));
    await vi.waitFor(() => expect(broadcasts.dropped.late).toBe(1));
    expect(broadcasts.dropped).toEqual({ unknown: 0, unexpected: 0, stale: 1, late: 1 });
  });

  test("before its mark counts: it had acted by then", async () => {
    const world = await World.open();
    const broadcasts = await world.broadcasts();
    const id = await published(broadcasts);
    await world.say(acked(id, "0", 4), { kind: "joined", member: "0", token: 5 }, acked(id, "0", 5));
    await vi.waitFor(() => expect(broadcasts.dropped.late).toBe(1));
    expect(broadcasts.dropped.stale).toBe(0);
  });

  test("of a broadcast that nobody knows is dropped and counted, before and after a restart", async () => {
    const world = await World.open();
    const one = await world.broadcasts();
    await world.say(...ackAll(broadcast().id), closed(broadcast().id));
    await vi.waitFor(() => expect(one.dropped.unknown).toBe(4));
    const restarted = await world.broadcasts();
    await restarted.restored;
    expect(restarted.dropped).toEqual({ unknown: 4, unexpected: 0, stale: 0, late: 0 });
  });

  test("before the broadcast was read is held until it is, in its order", async () => {
    const world = await World.open();
    const log = world.connect();
    // The end of S.broadcast is asked for, and known late.
    const known = Promise.withResolvers<void>();
    const slow: typeof log = {
      ...log,
      get available() {
        return log.available;
      },
      rangesOf: async (topic) => {
        if (topic === world.topics.broadcast.name && ranges++ > 0) await known.promise;
        return log.rangesOf(topic);
      },
    };
    let ranges = 0;
    const broadcasts = await world.broadcasts({ directory: await world.directory() }, slow);
    await broadcasts.restored;
    const coming = broadcast();
    const never = broadcast();
    await world.say(running(coming.id, "0"), acked(coming.id, "0", 1, "first"), failed(coming.id, "0"));
    await world.say(acked(never.id, "0"), { kind: "joined", member: "0", token: 2 });
    await vi.waitFor(() => expect(ranges).toBe(2));
    expect(broadcasts.dropped.unknown).toBe(0);
    await world.put(coming);
    await vi.waitFor(() => expect(broadcasts.get(coming.id)).toBeDefined());
    expect(broadcasts.since(coming.id, 0)).toMatchObject({ seq: 3 });
    expect(broadcasts.get(coming.id)?.members[0]).toMatchObject({
      ...{ state: "acked", reply: { body: new Uint8Array(Buffer.from("first")) } },
    });
    expect(broadcasts.dropped).toEqual({ unknown: 0, unexpected: 0, stale: 0, late: 1 });
    known.resolve();
    await vi.waitFor(() => expect(broadcasts.dropped.unknown).toBe(1));
  });

  test("in a partition that is not the broadcast's does not count: its order says nothing there", async () => {
    const world = await World.open();
    const broadcasts = await world.broadcasts();
    const id = await published(broadcasts);
    const partition = ((ackPartitionOf(id) ?? 0) + 1) % 4;
    await world.log.append({ topic: world.topics.acks.name, partition, ...encodeAck(acked(id, "0")) });
    await vi.waitFor(() =>
      expect(world.logged.filter(({ level }) => level === 40)).toMatchObject([{ records: 1, partition }]),
    );
    expect(broadcasts.since(id, 0)?.seq).toBe(1);
  });
});

test("what is none of ours is passed over, and told once for a batch", async () => {
  const world = await World.open();
  const strange = { key: null, value: Buffer.from("?"), headers: {} };
  for (const topic of [world.topics.broadcast.name, world.topics.acks.name]) {
    for (let i = 0; i < 5; i++) await world.log.append({ topic, partition: 0, ...strange });
  }
  const broadcasts = await world.broadcasts();
  await broadcasts.restored;
  expect(world.logged.filter(({ level }) => level === 40)).toMatchObject([
    { topic: world.topics.broadcast.name, records: 5 },
    { topic: world.topics.acks.name, records: 5 },
  ]);
  await published(broadcasts);
});

describe("cancel", () => {
  test("C6: is final for whom nothing final was said; then it has ended", async () => {
    const world = await World.open();
    const broadcasts = await world.broadcasts();
    const id = await published(broadcasts);
    await world.say(acked(id, "1"));
    await broadcasts.cancel(id);
    expect(broadcasts.get(id)).toMatchObject({ verdict: "partly", reason: "cancelled" });
    expect(broadcasts.get(id)?.members.map(({ state }) => state)).toEqual([
      "cancelled",
      "acked",
      "cancelled",
    ]);
    await expect(broadcasts.cancel(id)).rejects.toThrow(code("SHARDCAST_ALREADY_ENDED"));
  });

  test("of what nobody knows is refused", async () => {
    const world = await World.open();
    const broadcasts = await world.broadcasts();
    await expect(broadcasts.cancel(broadcast().id)).rejects.toThrow(code("SHARDCAST_UNKNOWN_BROADCAST"));
  });
});

describe("redrive", () => {
  async function ended(more: Partial<BroadcastEnvelope> = {}) {
    const world = await World.open();
    const old = broadcast({
      ...{ headers: { "x-one": "1" }, contentType: "text/plain", traceparent: "t", ack: { kind: "quorum" } },
      ...more,
    });
    await world.put(old);
    await world.say(acked(old.id, "0"), failed(old.id, "1"), closed(old.id));
    const broadcasts = await world.broadcasts();
    return { world, broadcasts, old };
  }

  test("C6: is a new broadcast, as the old one was, for those alone that have not done it", async () => {
    const { world, broadcasts, old } = await ended();
    const { status, replayed } = await broadcasts.redrive(old.id);
    expect(replayed).toBe(false);
    expect(status).toMatchObject({ redriveOf: old.id, ack: "all", verdict: "open" });
    expect(status.expiresMs - status.acceptedMs).toBe(60_000);
    expect(status.members.map(({ member }) => member)).toEqual(["1", "2"]);
    expect(world.published()[1]).toMatchObject({
      ...{ id: status.id, targeted: true, redriveOf: old.id, expected: [{ member: "1" }, { member: "2" }] },
      ...{ handler: old.handler, body: old.body, headers: old.headers, contentType: "text/plain" },
    });
    expect(broadcasts.get(old.id)).toMatchObject({ verdict: "partly" });
  });

  test("leaves out members that do not exist any more; with none left it is refused", async () => {
    const { world, broadcasts, old } = await ended();
    await world.tell(map(1, 2));
    const { status } = await broadcasts.redrive(old.id, { ttlMs: 1_000, ack: { kind: "count", count: 1 } });
    expect(status).toMatchObject({ ack: 1, members: [{ member: "1" }] });
    await world.tell(map(2, 1));
    await expect(broadcasts.redrive(old.id)).rejects.toThrow(code("SHARDCAST_NO_MEMBERS"));
  });

  test("of what nobody knows, or with terms that can not be, is refused", async () => {
    const { broadcasts, old } = await ended();
    await expect(broadcasts.redrive(broadcast().id)).rejects.toThrow(code("SHARDCAST_UNKNOWN_BROADCAST"));
    const invalid = code("SHARDCAST_INVALID_REQUEST");
    await expect(broadcasts.redrive(old.id, { ttlMs: 0 })).rejects.toThrow(invalid);
    await expect(broadcasts.redrive(old.id, { ack: { kind: "count", count: 3 } })).rejects.toThrow(invalid);
  });

  test("of one whose body is not on the log any more is refused", async () => {
    const world = await World.open({ maxRecordsPerPartition: 3 });
    const broadcasts = await world.broadcasts();
    const id = await published(broadcasts);
    await broadcasts.cancel(id);
    for (let i = 0; i < 3; i++) await published(broadcasts);
    await expect(broadcasts.redrive(id)).rejects.toThrow(code("SHARDCAST_UNKNOWN_BROADCAST"));
  });
});

describe("list", () => {
  test("gives the newest first, by pages that do not shift when more come", async () => {
    const world = await World.open();
    const broadcasts = await world.broadcasts();
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.unshift(await published(broadcasts));
    const first = broadcasts.list({ limit: 2 });
    expect(first.items.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    await published(broadcasts);
    const second = broadcasts.list({ limit: 2, after: first.next ?? "" });
    expect(second.items.map(({ id }) => id)).toEqual(ids.slice(2, 4));
    const third = broadcasts.list({ limit: 2, after: second.next ?? "" });
    expect(third.items.map(({ id }) => id)).toEqual(ids.slice(4));
    expect(third.next).toBeUndefined();
    expect(broadcasts.list().items).toHaveLength(6);
  });

  test("of those that are open, or have ended, or are for one handler", async () => {
    const world = await World.open();
    const broadcasts = await world.broadcasts();
    const done = await published(broadcasts, { handler: "other" });
    const open = await published(broadcasts);
    await world.say(...ackAll(done));
    await vi.waitFor(() => expect(broadcasts.get(done)?.verdict).toBe("satisfied"));
    const idsOf = (query: Parameters<Broadcasts["list"]>[0]) =>
      broadcasts.list(query).items.map(({ id }) => id);
    expect(idsOf({ state: "open" })).toEqual([open]);
    expect(idsOf({ state: "ended" })).toEqual([done]);
    expect(idsOf({ handler: "other" })).toEqual([done]);
    expect(idsOf({ handler: "" })).toEqual([]);
  });

  test("refuses a limit that can not be, and what it has not given out", async () => {
    const world = await World.open();
    const broadcasts = await world.broadcasts();
    const invalid = code("SHARDCAST_INVALID_REQUEST");
    for (const limit of [0, 501, 1.5]) expect(() => broadcasts.list({ limit })).toThrow(invalid);
    for (const after of ["", "x", "MDow"]) expect(() => broadcasts.list({ after })).toThrow(invalid);
  });
});

describe("C7: bounded", () => {
  test("of more than are to be known, the one that was complete first is forgotten, then the oldest", async () => {
    const world = await World.open();
    const broadcasts = await world.broadcasts({ maxKnown: 2 });
    const oldest = await published(broadcasts);
    const done = await published(broadcasts);
    await world.say(...ackAll(done));
    await vi.waitFor(() => expect(broadcasts.get(done)?.verdict).toBe("satisfied"));
    const third = await published(broadcasts);
    expect([oldest, done, third].map((id) => broadcasts.get(id) !== undefined)).toEqual([true, false, true]);
    const fourth = await published(broadcasts);
    expect([oldest, third, fourth].map((id) => broadcasts.get(id) !== undefined)).toEqual([
      false,
      true,
      true,
    ]);
    expect(world.logged).toContainEqual(expect.objectContaining({ level: 40, id: oldest }));
    expect(broadcasts.size).toBe(2);
    await world.say(acked(oldest, "0"));
    await vi.waitFor(() => expect(broadcasts.dropped.unknown).toBe(1));
  });

  test("replies take no more than they may: what is complete goes first, and nothing new is taken before what is open does", async () => {
    const world = await World.open();
    const broadcasts = await world.broadcasts({ maxHeldBytes: 50_000 });
    const big = "x".repeat(20_000);
    const done = await published(broadcasts);
    await world.say(acked(done, "0", 1, big), closed(done));
    const open = await published(broadcasts);
    await world.say(acked(open, "0", 1, big), acked(open, "1", 1, big));
    await vi.waitFor(() => expect(broadcasts.since(open, 0)?.seq).toBe(3));
    expect(broadcasts.get(done)).toBeUndefined();
    await expect(broadcasts.publish(DRAFT)).rejects.toThrow(code("SHARDCAST_OVERLOADED"));
    await world.say(acked(open, "2"));
    await vi.waitFor(() => expect(broadcasts.get(open)?.verdict).toBe("satisfied"));
    await published(broadcasts);
  });

  test("what is older than the retention is forgotten, and not known again after a restart", async () => {
    vi.useFakeTimers({ toFake: ["Date", "setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    const world = await World.open();
    const broadcasts = await world.broadcasts({ retentionMs: 60_000 });
    const id = await published(broadcasts);
    vi.advanceTimersByTime(50_000);
    const later = await published(broadcasts);
    expect(broadcasts.get(id)).toBeDefined();
    vi.advanceTimersByTime(12_000);
    expect(broadcasts.get(id)).toBeUndefined();
    expect(broadcasts.get(later)).toBeDefined();
    const restarted = await world.broadcasts({ retentionMs: 60_000 });
    await restarted.restored;
    expect(restarted.size).toBe(1);
  });
});

test("closed, it stops: what is asked for then is refused, and who waits is told", async () => {
  const world = await World.open();
  const id = broadcast().id;
  const broadcasts = await world.broadcasts();
  await broadcasts.restored;
  world.cluster.setAvailable(false);
  const opened = await world.broadcasts({ directory: await openedDirectory(world) }).catch((error) => error);
  expect(isShardcastError(opened) && opened.code).toBe("SHARDCAST_LOG_UNAVAILABLE");
  world.cluster.setAvailable(true);
  const waiting = broadcasts.publish(DRAFT);
  await broadcasts.close();
  await broadcasts.close();
  await expect(waiting).rejects.toThrow(code("SHARDCAST_CLOSED"));
  for (const ask of [broadcasts.publish(DRAFT), broadcasts.cancel(id), broadcasts.redrive(id)]) {
    await expect(ask).rejects.toThrow(code("SHARDCAST_CLOSED"));
  }
});

/** One that was opened before the log was away. */
async function openedDirectory(world: World) {
  world.cluster.setAvailable(true);
  const directory = await world.directory();
  world.cluster.setAvailable(false);
  return directory;
}

test("a service without the topics is refused, as is one whose acks have another number of partitions", async () => {
  const world = await World.open();
  const directory = await world.directory();
  const open = (service: string) => openBroadcasts(world.log, { service, directory, replicas: 1 });
  await expect(open("orders")).rejects.toThrow(code("SHARDCAST_LOG_REFUSED"));
  await world.log.ensureTopics([
    { ...world.topics.broadcast, name: "orders.broadcast" },
    { ...world.topics.acks, name: "orders.acks", partitions: 2 },
  ]);
  await expect(open("orders")).rejects.toThrow(code("SHARDCAST_TOPIC_MISMATCH", "orders.acks"));
});

test("C7: while too much is held for broadcasts that were not read, no more acks are read; then all of them", async () => {
  const world = await World.open();
  const log = world.connect();
  const known = Promise.withResolvers<void>();
  let ranges = 0;
  let paused = 0;
  const slow: typeof log = {
    ...log,
    get available() {
      return log.available;
    },
    rangesOf: async (topic) => {
      if (topic === world.topics.broadcast.name && ranges++ > 0) await known.promise;
      return log.rangesOf(topic);
    },
    openReader: async (options) => {
      const reader = await log.openReader(options);
      const pause: typeof reader.pause = (topic, partition) => {
        paused++;
        reader.pause(topic, partition);
      };
      return { ...reader, pause };
    },
  };
  const broadcasts = await world.broadcasts({ directory: await world.directory() }, slow);
  const { id } = broadcast();
  const word = acked(id, "0", 1, "x".repeat(900_000));
  await world.say(...Array.from({ length: 20 }, () => word));
  await vi.waitFor(() => expect(paused).toBe(4));
  await world.say(acked(id, "0"), acked(broadcast().id, "0"));
  known.resolve();
  await vi.waitFor(() => expect(broadcasts.dropped.unknown).toBe(22));
});
