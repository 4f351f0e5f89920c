import { ShardcastError } from "@shardcast/protocol";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Appender, type Entry } from "../src/appender.ts";
import type { Fault } from "../src/classify.ts";
import { FakeProducers, protocolError, recordOf } from "./support/fake-producers.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const SEND_TIMEOUT_MS = 5_000;

function appenderOf(maxBatchBytes = 1_000) {
  const producers = new FakeProducers();
  const faults: Fault[] = [];
  const settled: Entry[] = [];
  const appender = new Appender({
    producers,
    sendTimeoutMs: SEND_TIMEOUT_MS,
    maxBatchBytes,
    onFailure: (fault) => faults.push(fault),
    onSettled: (entry) => settled.push(entry),
  });
  /** The offset, or the code of the error. */
  const add = (topic: string, partition: number, text: string, bytes = 10): Promise<number | string> =>
    new Promise<{ readonly offset: number }>((resolve, reject) => {
      appender.add({ record: recordOf(topic, partition, text), bytes, resolve, reject });
    }).then(
      ({ offset }) => offset,
      (error: ShardcastError) => error.code,
    );
  return { appender, producers, faults, settled, add };
}

/** Answers that the test gives one by one. */
function held(producers: FakeProducers) {
  const waiting: { confirm: () => void; reject: (error: unknown) => void }[] = [];
  producers.answer = (_, confirm) =>
    new Promise((resolve, reject) => waiting.push({ confirm: () => resolve(confirm()), reject }));
  return {
    async confirm() {
      waiting.shift()?.confirm();
      await settle();
    },
    async reject(error: unknown) {
      waiting.shift()?.reject(error);
      await settle();
    },
  };
}

const settle = () => vi.advanceTimersByTimeAsync(2);

/** Spoils every request that holds such a record. */
function spoiltBy(producers: FakeProducers, culprit: string, type: string): void {
  producers.answer = async (request, confirm) => {
    if (request.some((each) => each.includes(culprit))) throw protocolError(type);
    return confirm();
  };
}

describe("sending", () => {
  test("a lone caller waits for nobody", async () => {
    const { producers, add } = appenderOf();
    const offset = add("t", 0, "alone");
    await vi.advanceTimersByTimeAsync(0);
    expect(producers.requests).toEqual([["t/0:alone"]]);
    expect(await offset).toBe(0);
  });

  test("callers of the same turn go together, each with the offset of its own record", async () => {
    const { producers, add } = appenderOf();
    const offsets = [add("t", 0, "a"), add("u", 3, "b"), add("t", 0, "c"), add("t", 1, "d")];
    await settle();
    expect(producers.requests).toEqual([["t/0:a", "t/0:c", "t/1:d", "u/3:b"]]);
    expect(await Promise.all(offsets)).toEqual([0, 0, 1, 0]);
  });

  test("one request at a time: what comes meanwhile goes in the next one, in order", async () => {
    const { producers, add } = appenderOf();
    const { confirm } = held(producers);
    const first = add("t", 0, "a");
    await settle();
    const rest = ["b", "c", "d"].map((text) => add("t", 0, text));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(producers.requests).toEqual([["t/0:a"]]);
    await confirm();
    expect(producers.requests.slice(1)).toEqual([["t/0:b", "t/0:c", "t/0:d"]]);
    await confirm();
    expect(await Promise.all([first, ...rest])).toEqual([0, 1, 2, 3]);
  });

  test("the bytes of a partition's batch are bounded, and nothing overtakes what did not fit", async () => {
    const { producers, add } = appenderOf(100);
    const offsets = [add("t", 0, "a", 60), add("t", 0, "b", 60), add("t", 0, "c", 10), add("t", 1, "d", 10)];
    await settle();
    expect(producers.requests).toEqual([["t/0:a"], ["t/0:b", "t/0:c", "t/1:d"]]);
    expect(await Promise.all(offsets)).toEqual([0, 1, 2, 0]);
  });

  test("each partition has its own bound, and a request one over all of them", async () => {
    const { producers, add } = appenderOf(9_000_000);
    const all = [0, 1, 2].map((partition) => add("t", partition, "x", 6_000_000));
    await settle();
    expect(producers.requests).toEqual([["t/0:x", "t/1:x"], ["t/2:x"]]);
    await Promise.all(all);
  });

  test("a record larger than any batch may be goes alone", async () => {
    const { producers, add } = appenderOf(100);
    const all = [add("t", 0, "huge", 20_000_000), add("t", 0, "a", 10)];
    await settle();
    expect(producers.requests).toEqual([["t/0:huge"], ["t/0:a"]]);
    await Promise.all(all);
  });
});

describe("failures", () => {
  test("after any failure the producer is replaced, since kafkajs would use its sequence numbers again (C3)", async () => {
    const { producers, faults, add } = appenderOf();
    const { reject, confirm } = held(producers);
    const first = add("t", 0, "a");
    await settle();
    await reject(new Error("Connection timeout"));
    expect(await first).toBe("SHARDCAST_LOG_UNAVAILABLE");
    expect(faults).toEqual(["unavailable"]);
    const second = add("t", 0, "b");
    await settle();
    await confirm();
    expect(await second).toBe(0);
    expect(producers.producerOf).toEqual([0, 1]);
  });

  test("no answer within the bound fails the batch, and the producer is cut", async () => {
    const { producers, add } = appenderOf();
    producers.answer = () => new Promise(() => {});
    const sent = add("t", 0, "a");
    await vi.advanceTimersByTimeAsync(SEND_TIMEOUT_MS + 1);
    expect(await sent).toBe("SHARDCAST_LOG_UNAVAILABLE");
    expect(producers.discarded).toBe(1);
  });

  test("without a connection the whole batch fails, and nobody tries again record by record", async () => {
    const { producers, faults, add } = appenderOf();
    const error = Object.assign(new Error("no"), { name: "KafkaJSSASLAuthenticationError" });
    producers.connect = vi.fn().mockRejectedValue(error);
    const all = ["a", "b", "c"].map((text) => add("t", 0, text));
    await settle();
    expect(await Promise.all(all)).toEqual(Array(3).fill("SHARDCAST_LOG_REFUSED"));
    expect(producers.connect).toHaveBeenCalledOnce();
    expect(faults).toEqual(["denied"]);
  });

  test("one record that is too large fails alone", async () => {
    const { producers, faults, add } = appenderOf();
    spoiltBy(producers, "huge", "MESSAGE_TOO_LARGE");
    const all = [add("t", 0, "a"), add("t", 0, "huge"), add("t", 0, "b"), add("t", 1, "c")];
    await settle();
    expect(await Promise.all(all)).toEqual([0, "SHARDCAST_BODY_TOO_LARGE", 1, 0]);
    expect(faults).toEqual(["too-large"]);
    // The partition that was not at fault goes as it went before, with the same producer: so the broker knows it again.
    expect(producers.requests).toContainEqual(["t/1:c"]);
    expect(producers.producerOf).toEqual(producers.requests.map(() => 0));
    expect(producers.discarded).toBe(1);
  });

  test("one record that kafkajs stumbles over fails alone, and may be tried again", async () => {
    const { producers, faults, add } = appenderOf();
    producers.answer = async (request, confirm) => {
      if (request.some((each) => each.includes("odd"))) throw new TypeError("can not encode");
      return confirm();
    };
    const all = [add("t", 0, "a"), add("t", 0, "odd"), add("t", 0, "b")];
    await settle();
    expect(await Promise.all(all)).toEqual([0, "SHARDCAST_LOG_UNAVAILABLE", 1]);
    expect(faults).toEqual(["bug"]);
  });

  test("a batch of two partitions, one of which was taken, goes again partition by partition as it was", async () => {
    const { producers, add } = appenderOf();
    spoiltBy(producers, "huge", "MESSAGE_TOO_LARGE");
    const all = [add("t", 0, "a"), add("t", 0, "b"), add("t", 1, "huge")];
    await settle();
    expect(producers.requests.slice(1)).toEqual([["t/0:a", "t/0:b"], ["t/1:huge"]]);
    await Promise.all(all);
  });

  test("a topic that is gone fails as a whole and leaves the others alone", async () => {
    const { producers, add } = appenderOf();
    spoiltBy(producers, "gone/", "UNKNOWN_TOPIC_OR_PARTITION");
    const all = [add("gone", 0, "a"), add("t", 0, "b"), add("gone", 1, "c"), add("gone", 0, "d")];
    await settle();
    const refused = "SHARDCAST_LOG_REFUSED";
    expect(await Promise.all(all)).toEqual([refused, 0, refused, refused]);
    expect(producers.requests.slice(1)).toEqual([["gone/0:a", "gone/1:c", "gone/0:d"], ["t/0:b"]]);
  });

  test("when the log goes away while the parts are sent, the rest fails and is not sent again (C3)", async () => {
    const { producers, add } = appenderOf();
    const { reject, confirm } = held(producers);
    const all = ["a", "b", "c"].map((text, partition) => add("t", partition, text));
    await settle();
    await reject(protocolError("MESSAGE_TOO_LARGE"));
    await confirm();
    await reject(new Error("Closed connection"));
    const away = "SHARDCAST_LOG_UNAVAILABLE";
    expect(await Promise.all(all)).toEqual([0, away, away]);
    expect(producers.requests.slice(1)).toEqual([["t/0:a"], ["t/1:b"]]);
    expect(producers.discarded).toBe(1);
  });

  test("what the broker did not answer for is not confirmed, and costs the producer", async () => {
    const { producers, settled, add } = appenderOf();
    producers.answer = async (_, confirm) => confirm().filter(({ partition }) => partition !== 1);
    const all = [add("t", 0, "a"), add("t", 1, "b"), add("t", 2, "c")];
    await settle();
    expect(await Promise.all(all)).toEqual([0, "SHARDCAST_LOG_UNAVAILABLE", 0]);
    expect(producers.discarded).toBe(1);
    expect(settled).toHaveLength(3);
  });

  test("everyone is told exactly once, also after failures", async () => {
    const { producers, settled, add } = appenderOf();
    spoiltBy(producers, "bad", "TOPIC_AUTHORIZATION_FAILED");
    const all = ["a", "bad", "b", "bad", "c"].map((text, i) => add(`t${i % 2}`, i % 3, text));
    await settle();
    await Promise.all(all);
    expect(settled).toHaveLength(5);
    expect(new Set(settled).size).toBe(5);
  });
});

describe("leaving", () => {
  const away = new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "away");

  test("rejectQueued fails what was not sent and leaves alone what is in the air", async () => {
    const { appender, producers, settled, add } = appenderOf();
    const { confirm } = held(producers);
    const sent = add("t", 0, "a");
    await settle();
    const queued = [add("t", 0, "b"), add("t", 0, "c")];
    appender.rejectQueued(away);
    expect(await Promise.all(queued)).toEqual(Array(2).fill(away.code));
    await confirm();
    expect(await sent).toBe(0);
    expect(producers.requests).toHaveLength(1);
    expect(settled).toHaveLength(3);
    expect(producers.discarded).toBe(0);
  });

  test("drained resolves once nothing is queued or in the air, at once when there is nothing", async () => {
    const { appender, producers, add } = appenderOf();
    await appender.drained();
    const { confirm } = held(producers);
    void add("t", 0, "a");
    let drained = false;
    const done = appender.drained().then(() => {
      drained = true;
    });
    await settle();
    void add("t", 0, "b");
    await confirm();
    expect(drained).toBe(false);
    await confirm();
    await done;
    expect(producers.requests).toHaveLength(2);
  });

  test("drained resolves also when the queue was rejected", async () => {
    const { appender, add } = appenderOf();
    const queued = add("t", 0, "a");
    const done = appender.drained();
    appender.rejectQueued(away);
    await settle();
    await done;
    expect(await queued).toBe(away.code);
  });
});
