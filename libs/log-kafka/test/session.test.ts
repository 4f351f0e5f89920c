import { ShardcastError } from "@shardcast/protocol";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { KafkaSession } from "../src/session.ts";
import { protocolError, recordOf } from "./support/fake-producers.ts";
import { FakeSessionProducer } from "./support/fake-session-producer.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const CALL_TIMEOUT_MS = 5_000;
const CONCURRENT = protocolError("CONCURRENT_TRANSACTIONS");
const away = new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "away");

async function open(intercept?: FakeSessionProducer["intercept"]) {
  const producer = new FakeSessionProducer();
  if (intercept !== undefined) producer.intercept = intercept;
  const onUnavailable = vi.fn();
  const onClosed = vi.fn();
  const usable = { error: undefined as ShardcastError | undefined };
  const opening = KafkaSession.open(
    {
      openLink: () => producer.asLink(),
      callTimeoutMs: CALL_TIMEOUT_MS,
      maxBatchBytes: 10_000,
      assertFits: ({ value }) => {
        if ((value?.length ?? 0) > 10_000) throw new ShardcastError("SHARDCAST_BODY_TOO_LARGE", "large");
      },
      assertUsable: () => {
        if (usable.error !== undefined) throw usable.error;
      },
      onUnavailable,
      onClosed,
      logger: pino({ level: "silent" }),
    },
    { service: "s", member: "0", topic: "lanes" },
  );
  return { producer, opening, onUnavailable, onClosed, usable };
}

/** An open session, and the requests made since it was. */
async function session() {
  const { opening, producer, ...rest } = await open();
  const opened = await opening;
  producer.requests.length = 0;
  return { session: opened, producer, ...rest };
}

const failing = (what: string, error: Error) => (request: string) => {
  if (request.startsWith(what)) throw error;
};

describe("opening a session", () => {
  test("initialises its id with an empty transaction", async () => {
    const { opening, producer } = await open();
    await opening;
    expect(producer.requests).toEqual(["connect", "begin", "abort"]);
    expect(producer.cut).toBe(false);
  });

  test("that fails cuts its link", async () => {
    const { opening, producer } = await open(
      failing("begin", protocolError("TRANSACTIONAL_ID_AUTHORIZATION_FAILED")),
    );
    await expect(opening).rejects.toMatchObject({ code: "SHARDCAST_LOG_REFUSED" });
    expect(producer.cut).toBe(true);
  });

  test("that gets no answer is given up in time, and cuts its link", async () => {
    const { opening, producer } = await open((request) =>
      request === "begin" ? new Promise(() => {}) : undefined,
    );
    const refused = expect(opening).rejects.toMatchObject({ code: "SHARDCAST_LOG_UNAVAILABLE" });
    await vi.advanceTimersByTimeAsync(CALL_TIMEOUT_MS);
    await refused;
    expect(producer.cut).toBe(true);
  });
});

describe("a commit", () => {
  test("sends progress, then records, then ends the transaction", async () => {
    const { session: one, producer } = await session();
    const outcome = await one.commit({
      progress: [{ lane: 1, offset: 5, metadata: "m" }],
      records: [recordOf("t", 0, "a"), recordOf("u", 1, "b"), recordOf("t", 0, "c")],
    });
    expect(outcome).toEqual({ kind: "committed", offsets: [0, 0, 1] });
    expect(producer.requests).toEqual(["begin", "offsets 1@5:m", "send t/0:a t/0:c u/1:b", "commit"]);
  });

  test("without any work still asks who coordinates transactions", async () => {
    const { session: one, producer } = await session();
    expect(await one.commit({})).toEqual({ kind: "committed", offsets: [] });
    expect(producer.requests).toEqual(["begin", "offsets", "commit"]);
  });

  test("waits while the one before is made visible, and sends its records once", async () => {
    const { session: one, producer } = await session();
    let visibleAfter = 3;
    producer.intercept = (request) => {
      if (request.startsWith("offsets") && visibleAfter-- > 0) throw CONCURRENT;
    };
    const committing = one.commit({ records: [recordOf("t", 0, "a")] });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await committing).toEqual({ kind: "committed", offsets: [0] });
    expect(producer.requests).toEqual(["begin", ...Array(4).fill("offsets"), "send t/0:a", "commit"]);
  });

  test("sends what does not fit in one batch in several, in order", async () => {
    const { session: one, producer } = await session();
    const records = ["a", "b", "c", "d"].map((name, i) => recordOf("t", i % 2, name.padEnd(6_000, ".")));
    expect(await one.commit({ records })).toEqual({ kind: "committed", offsets: [0, 0, 1, 1] });
    expect(producer.requests.filter((each) => each.startsWith("send"))).toEqual([
      "send t/0:a....... t/1:b.......",
      "send t/0:c....... t/1:d.......",
    ]);
  });

  test("of a record that is too large makes no request, and the session goes on", async () => {
    const { session: one, producer } = await session();
    const work = { records: [recordOf("t", 0, "a"), recordOf("t", 0, "x".repeat(10_001))] };
    await expect(one.commit(work)).rejects.toMatchObject({ code: "SHARDCAST_BODY_TOO_LARGE" });
    expect(producer.requests).toEqual([]);
    expect(await one.commit({})).toMatchObject({ kind: "committed" });
  });
});

describe("a session is over", () => {
  const work = { progress: [{ lane: 0, offset: 1, metadata: "" }], records: [recordOf("t", 0, "a")] };

  test.each(["offsets", "send", "commit"])(
    "when its %s is answered by a fence, and says so ever after",
    async (where) => {
      const { session: one, producer, onUnavailable } = await session();
      producer.intercept = failing(where, protocolError("INVALID_PRODUCER_EPOCH"));
      expect(await one.commit(work)).toEqual({ kind: "fenced" });
      expect(producer.cut).toBe(true);
      const requests = producer.requests.length;
      expect(await one.commit({})).toEqual({ kind: "fenced" });
      expect(producer.requests).toHaveLength(requests);
      expect(onUnavailable).not.toHaveBeenCalled();
    },
  );

  test.each(["begin", "offsets", "send", "commit"])(
    "when its %s fails, and nothing is tried again",
    async (where) => {
      const { session: one, producer, onUnavailable } = await session();
      producer.intercept = failing(where, new Error("connection lost"));
      const outcome = await one.commit(work);
      expect(outcome).toMatchObject({ kind: "broken", cause: { code: "SHARDCAST_LOG_UNAVAILABLE" } });
      expect(producer.cut).toBe(true);
      expect(onUnavailable).toHaveBeenCalled();
      expect(producer.requests.filter((request) => request.startsWith(where))).toHaveLength(1);
      const requests = producer.requests.length;
      expect(await one.commit(work)).toBe(outcome);
      expect(producer.requests).toHaveLength(requests);
    },
  );

  test("when there is no answer in time", async () => {
    const { session: one, producer } = await session();
    producer.intercept = (request) => (request === "commit" ? new Promise(() => {}) : undefined);
    const committing = one.commit(work);
    await vi.advanceTimersByTimeAsync(CALL_TIMEOUT_MS - 1);
    expect(producer.cut).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await committing).toMatchObject({ kind: "broken" });
    expect(producer.cut).toBe(true);
  });

  test("when a record is not confirmed: the transaction is not ended", async () => {
    const { session: one, producer } = await session();
    const outcome = await one.commit({ records: [recordOf("t", 0, "a"), recordOf("t", 9, "b")] });
    expect(outcome).toMatchObject({ kind: "broken" });
    expect(producer.requests).not.toContain("commit");
  });

  test("when the log is known to be away: nothing is tried", async () => {
    const { session: one, producer, usable } = await session();
    usable.error = away;
    const outcome = await one.commit(work);
    expect(outcome).toEqual({ kind: "broken", cause: away });
    expect(producer.requests).toEqual([]);
    expect(producer.cut).toBe(true);
    usable.error = undefined;
    expect(await one.commit(work)).toBe(outcome);
  });

  test("for those that waited for their turn as well", async () => {
    const { session: one, producer } = await session();
    producer.intercept = failing("send", new Error("connection lost"));
    const outcomes = await Promise.all([one.commit(work), one.commit(work), one.commit({})]);
    expect(new Set(outcomes).size).toBe(1);
    expect(producer.requests).toEqual(["begin", "offsets 0@1:", "send t/0:a"]);
  });
});

describe("closing a session", () => {
  test("lets the commit under way end, refuses those behind it, and leaves", async () => {
    const { session: one, producer, onClosed } = await session();
    const answer = Promise.withResolvers<void>();
    producer.intercept = (request) => (request === "commit" ? answer.promise : undefined);
    const underWay = one.commit({});
    const behind = expect(one.commit({})).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
    await vi.advanceTimersByTimeAsync(0);
    const closing = one.close();
    await vi.advanceTimersByTimeAsync(100);
    expect([producer.disconnected, producer.cut]).toEqual([false, false]);
    answer.resolve();
    expect(await underWay).toEqual({ kind: "committed", offsets: [] });
    await behind;
    await closing;
    expect([producer.disconnected, producer.cut]).toEqual([true, true]);
    expect(onClosed).toHaveBeenCalledWith(one);
    await one.close();
  });

  test("does not wait for long, and is quiet about the commit that it breaks off", async () => {
    const { session: one, producer, onUnavailable } = await session();
    producer.intercept = (request) => (request === "commit" ? new Promise(() => {}) : undefined);
    const underWay = one.commit({});
    await vi.advanceTimersByTimeAsync(0);
    const closing = one.close();
    await vi.advanceTimersByTimeAsync(2_000);
    await closing;
    expect(producer.cut).toBe(true);
    await vi.advanceTimersByTimeAsync(CALL_TIMEOUT_MS);
    expect(await underWay).toMatchObject({ kind: "broken" });
    expect(onUnavailable).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("of a closed log says that it is closed", async () => {
    const { session: one, usable } = await session();
    usable.error = new ShardcastError("SHARDCAST_CLOSED", "the log is closed");
    await expect(one.commit({})).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
  });
});
