import { javaAvailable, type LocalBroker, startLocalBroker } from "@shardcast/infra-kafka";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { freePort, makeTopic, numbered, openLog, readAll, textRecord } from "./support/kafka.ts";
import { KafkaProxy } from "./support/proxy.ts";

// The Java broker's port of its own behind the proxy can be had on the local JVM only.
describe.skipIf(!(await javaAvailable()))("answers to appends that get lost", () => {
  let broker: LocalBroker;
  let proxy: KafkaProxy;
  let brokers: string[];

  beforeAll(async () => {
    const [port, proxyPort] = [await freePort(), await freePort()];
    brokers = [`127.0.0.1:${proxyPort}`];
    proxy = await KafkaProxy.listen(proxyPort, port);
    const properties = { "advertised.listeners": `PLAINTEXT://127.0.0.1:${proxyPort}` };
    broker = await startLocalBroker({ port, properties });
  });
  afterAll(async () => {
    proxy?.close();
    await broker?.stop();
  });
  afterEach(() => {
    proxy.fate = "pass";
    proxy.lost = 0;
  });

  const limits = { requestTimeoutMs: 1_000, connectTimeoutMs: 1_000 };
  const unavailable = { code: "SHARDCAST_LOG_UNAVAILABLE" };

  describe.each(["cut", "withhold"] as const)("%s", (fate) => {
    test("an append that failed does not swallow the next one, which is as long (C3)", async () => {
      const { log } = openLog(brokers, { ...limits, appendAttempts: 2 });
      const topic = await makeTopic(log);
      const append = (text: string) => log.append(textRecord(topic, 0, text));
      expect(await append("first")).toEqual({ offset: 0 }); // so that the producer has sequence numbers

      proxy.fate = fate;
      await expect(append("unsure")).rejects.toMatchObject(unavailable);
      expect(proxy.lost).toBe(2);
      proxy.fate = "pass";
      expect(await append("next")).toEqual({ offset: 2 });
      expect(await readAll(log, topic)).toEqual(["first", "unsure", "next"]);
    });

    test("a batch that failed does not swallow the next one of as many records, on any partition (C3)", async () => {
      const { log } = openLog(brokers, { ...limits, appendAttempts: 2 });
      const topic = await makeTopic(log, 2);
      const batch = (name: string) =>
        Promise.allSettled(
          [0, 1].flatMap((partition) =>
            numbered(name, 5).map((text) => log.append(textRecord(topic, partition, text))),
          ),
        );
      await batch("first");
      proxy.fate = fate;
      expect(await batch("unsure")).toMatchObject(
        Array(10).fill({ status: "rejected", reason: unavailable }),
      );
      proxy.fate = "pass";
      expect(await batch("next")).toMatchObject(Array(10).fill({ status: "fulfilled" }));
      for (const partition of [0, 1]) {
        expect(await readAll(log, topic, partition)).toEqual(
          ["first", "unsure", "next"].flatMap((name) => numbered(name, 5)),
        );
      }
    });

    test("with further attempts it is confirmed, and on the log once", async () => {
      const { log } = openLog(brokers, limits);
      const topic = await makeTopic(log);
      proxy.fate = fate;
      const appended = log.append(textRecord(topic, 0, "once"));
      await expect.poll(() => proxy.lost, { interval: 5, timeout: 20_000 }).toBe(1);
      proxy.fate = "pass";
      expect(await appended).toEqual({ offset: 0 });
      expect(await readAll(log, topic)).toEqual(["once"]);
    });
  });

  test("what was given up while the broker was frozen does not come after what was confirmed later", async () => {
    const { log } = openLog(brokers, { ...limits, appendAttempts: 2, unavailableAfterMs: 60_000 });
    const topic = await makeTopic(log);
    const append = (text: string) => log.append(textRecord(topic, 0, text));
    await append("before");
    broker.pause();
    await expect(append("given up")).rejects.toMatchObject(unavailable);
    broker.resume();
    await expect.poll(() => append("after").catch(() => undefined), { timeout: 20_000 }).toBeDefined();
    await append("last");
    const read = await readAll(log, topic);
    const confirmedFrom = read.indexOf("after");
    expect(read.slice(0, confirmedFrom)).toEqual(expect.arrayContaining(["before"]));
    expect(read.slice(confirmedFrom)).not.toContain("given up");
    expect(read.filter((text) => text === "given up").length).toBeLessThanOrEqual(1);
    expect(read.at(-1)).toBe("last");
  });
});
