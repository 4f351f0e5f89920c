import type { AppendRecord } from "@shardcast/log";
import { ShardcastError } from "@shardcast/protocol";
import type { Kafka } from "kafkajs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AppendRouter } from "../src/append-router.ts";
import { FakeProducers, protocolError, recordOf } from "./support/fake-producers.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const OVERHEAD = 128;

function routerOf(limits: { maxRecordBytes?: number; maxQueuedBytes?: number } = {}) {
  /** What each link, that is each leader's appender, sends. */
  const links: FakeProducers[] = [];
  const openLink = () => {
    const fake = new FakeProducers();
    links.push(fake);
    fake.answer = (...args) => answer(...args);
    const producer = {
      connect: async () => {},
      disconnect: async () => {},
      sendBatch: async (batch: never) => (await fake.get()).sendBatch(batch),
    };
    return { kafka: { producer: () => producer } as unknown as Kafka, cut: () => {} };
  };
  let answer: FakeProducers["answer"] = async (_, confirm) => confirm();
  const leaders = { leaderOf: (_topic: string, _partition: number): number | Promise<number> => 1 };
  const forget = vi.fn();
  const onUnavailable = vi.fn();
  const router = new AppendRouter({
    openLink,
    metadata: {
      forget,
      leaderOf: (topic: string, partition: number) => leaders.leaderOf(topic, partition),
    },
    attempts: 1,
    attemptTimeoutMs: 1_000,
    maxRecordBytes: limits.maxRecordBytes ?? 1_000,
    maxQueuedBytes: limits.maxQueuedBytes ?? 10_000,
    onUnavailable,
  });
  const hold = () => {
    const waiting: (() => void)[] = [];
    answer = (_, confirm) => new Promise((resolve) => waiting.push(() => resolve(confirm())));
    return async () => {
      waiting.shift()?.();
      await settle();
    };
  };
  return {
    router,
    links,
    leaders,
    forget,
    onUnavailable,
    hold,
    setAnswer: (next: FakeProducers["answer"]) => {
      answer = next;
    },
  };
}

const settle = () => vi.advanceTimersByTimeAsync(2);

describe("limits", () => {
  const record = (value: Buffer | null, headers: AppendRecord["headers"] = {}): AppendRecord => ({
    topic: "t",
    partition: 0,
    key: Buffer.from("größe"), // 7 bytes
    value,
    headers,
  });

  test.each<[string, AppendRecord, number]>([
    ["key and value", record(Buffer.alloc(100)), 107],
    ["a key alone", record(null), 7],
    ["text in bytes, not characters", record(null, { größe: "日本" }), 7 + 10 + 7 + 6],
    ["bytes of a header", record(null, { h: Buffer.alloc(50) }), 7 + 10 + 1 + 50],
    ["each value of a repeated header", record(null, { h: ["ab", Buffer.alloc(3)] }), 7 + 2 * 11 + 5],
    ["an empty value", record(null, { h: "" }), 7 + 11],
    ["no value at all", record(null, { h: [] }), 7],
  ])("a record counts with %s", async (_, each, bytes) => {
    const exact = routerOf({ maxRecordBytes: OVERHEAD + bytes });
    const appended = exact.router.append(each);
    await settle();
    expect(await appended).toEqual({ offset: 0 });
    const below = routerOf({ maxRecordBytes: OVERHEAD + bytes - 1 });
    await expect(below.router.append(each)).rejects.toMatchObject({ code: "SHARDCAST_BODY_TOO_LARGE" });
    expect(below.links).toHaveLength(0);
  });

  test("over the limit of bytes that wait, appends are refused until others have ended (C7)", async () => {
    const { router, hold } = routerOf({ maxQueuedBytes: 2 * (OVERHEAD + 10) });
    const confirm = hold();
    const append = () => router.append(recordOf("t", 0, "0123456789"));
    const first = [append(), append()];
    await expect(append()).rejects.toMatchObject({ code: "SHARDCAST_OVERLOADED" });
    await settle();
    await confirm();
    await Promise.all(first);
    const more = append();
    await settle();
    await confirm();
    expect(await more).toEqual({ offset: 2 });
  });

  test("appends that still seek their leader count too, and no more when that failed (C7)", async () => {
    const { router, leaders } = routerOf({ maxQueuedBytes: OVERHEAD + 10 });
    const { promise, reject } = Promise.withResolvers<number>();
    leaders.leaderOf = () => promise;
    const append = () => router.append(recordOf("t", 0, "0123456789"));
    const seeking = append();
    await expect(append()).rejects.toMatchObject({ code: "SHARDCAST_OVERLOADED" });
    reject(new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "away"));
    await expect(seeking).rejects.toMatchObject({ code: "SHARDCAST_LOG_UNAVAILABLE" });
    leaders.leaderOf = () => 1;
    const later = append();
    await settle();
    expect(await later).toEqual({ offset: 0 });
  });
});

describe("roads", () => {
  test("each leader has an appender of its own, so that a slow broker delays its own partitions only", async () => {
    const { router, links, leaders, setAnswer } = routerOf();
    leaders.leaderOf = (_, partition) => partition;
    setAnswer((request, confirm) =>
      request[0]?.startsWith("t/1") ? new Promise(() => {}) : Promise.resolve(confirm()),
    );
    void router.append(recordOf("t", 1, "slow"));
    const quick = router.append(recordOf("t", 2, "quick"));
    await settle();
    expect(await quick).toEqual({ offset: 0 });
    expect(links.map(({ requests }) => requests)).toEqual([[["t/1:slow"]], [["t/2:quick"]]]);
  });

  test("a partition goes to its new leader's appender only when nothing of it is under way (C1)", async () => {
    const { router, links, leaders, hold } = routerOf();
    const confirm = hold();
    const first = router.append(recordOf("t", 0, "a"));
    await settle();
    leaders.leaderOf = () => 2;
    const second = router.append(recordOf("t", 0, "b"));
    await settle();
    expect(links).toHaveLength(1);
    await confirm();
    await confirm();
    await Promise.all([first, second]);
    void router.append(recordOf("t", 0, "c"));
    await settle();
    expect(links.map(({ requests }) => requests)).toEqual([[["t/0:a"], ["t/0:b"]], [["t/0:c"]]]);
  });

  test("who appends after the leader is known does not overtake those who asked for it (C1)", async () => {
    const { router, links, leaders } = routerOf();
    const { promise, resolve } = Promise.withResolvers<number>();
    leaders.leaderOf = () => promise;
    const first = router.append(recordOf("t", 0, "a"));
    leaders.leaderOf = () => 1; // known from here on, while the first one is still on its way
    const second = router.append(recordOf("t", 0, "b"));
    await settle();
    expect(links).toHaveLength(0);
    resolve(1);
    await settle();
    expect(await Promise.all([first, second])).toEqual([{ offset: 0 }, { offset: 1 }]);
    expect(links[0]?.requests).toEqual([["t/0:a", "t/0:b"]]);
  });

  test("one that finds no leader fails alone, and holds up nobody", async () => {
    const { router, leaders } = routerOf();
    leaders.leaderOf = async (_, partition) => {
      if (partition === 9) throw new ShardcastError("SHARDCAST_LOG_REFUSED", "no such partition");
      return 1;
    };
    const outcomes = Promise.allSettled(
      [9, 0].map((partition) => router.append(recordOf("t", partition, "x"))),
    );
    await settle();
    expect(await outcomes).toMatchObject([{ status: "rejected" }, { status: "fulfilled" }]);
  });

  test("after a failure leaders are asked for again, and the log is suspected where it may be away", async () => {
    const { router, forget, onUnavailable, setAnswer } = routerOf();
    setAnswer(async () => {
      throw protocolError("UNKNOWN_TOPIC_OR_PARTITION");
    });
    const refused = router.append(recordOf("t", 0, "a")).catch(({ code }) => code);
    await settle();
    expect(await refused).toBe("SHARDCAST_LOG_REFUSED");
    expect(forget).toHaveBeenCalledTimes(1);
    expect(onUnavailable).not.toHaveBeenCalled();
    setAnswer(async () => {
      throw protocolError("NOT_LEADER_FOR_PARTITION");
    });
    const moved = router.append(recordOf("t", 0, "b")).catch(({ code }) => code);
    await settle();
    expect(await moved).toBe("SHARDCAST_LOG_UNAVAILABLE");
    expect(forget).toHaveBeenCalledTimes(2);
    expect(onUnavailable).toHaveBeenCalledTimes(1);
  });
});

describe("leaving", () => {
  test("drained waits for appends that still seek their leader", async () => {
    const { router, links, leaders, hold } = routerOf();
    const confirm = hold();
    const { promise, resolve } = Promise.withResolvers<number>();
    leaders.leaderOf = () => promise;
    const appended = router.append(recordOf("t", 0, "a"));
    let drained = false;
    const done = router.drained().then(() => {
      drained = true;
    });
    resolve(1);
    await settle();
    expect(links[0]?.requests).toEqual([["t/0:a"]]);
    expect(drained).toBe(false);
    await confirm();
    await done;
    expect(await appended).toEqual({ offset: 0 });
  });

  test("after close nothing is sent any more, and no connection is opened", async () => {
    const { router, links } = routerOf();
    const before = router.append(recordOf("t", 0, "a"));
    await settle();
    await before;
    await router.close();
    await expect(
      Promise.all([router.append(recordOf("t", 0, "b")), vi.advanceTimersByTimeAsync(2)]),
    ).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
    expect(links).toHaveLength(1);
  });

  test("rejectQueued reaches every appender", async () => {
    const { router, leaders } = routerOf();
    leaders.leaderOf = (_, partition) => partition;
    const queued = Promise.allSettled(
      [1, 2].map((partition) => router.append(recordOf("t", partition, "x"))),
    );
    router.rejectQueued(new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "away"));
    await settle();
    expect(await queued).toMatchObject(Array(2).fill({ status: "rejected" }));
  });
});
