import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { javaAvailable, type LocalBroker, startLocalBroker } from "../src/index.ts";
import { consume, createTopic, produce } from "./console.ts";
import { untilAnswer } from "./raw-request.ts";

const topic = "greetings";
const lines = ["one", "two", "three"];

// A machine with only Docker has its Kafka tests too, but not those of the local JVM.
describe.skipIf(!(await javaAvailable()))("a broker on the local JVM", () => {
  let broker: LocalBroker;
  let address: string;

  beforeAll(async () => {
    broker = await startLocalBroker();
    address = String(broker.brokers[0]);
    await createTopic(address, topic);
  });
  afterAll(() => broker.stop());

  test("gives back what was produced", async () => {
    await produce(address, topic, lines);
    expect(await consume(address, topic, lines.length)).toEqual(lines);
  });

  test("is silent while it is paused, and answers once it is resumed", async () => {
    broker.pause();
    const answer = untilAnswer(address).then(() => "answered");
    expect(await Promise.race([answer, delay(500, "silent")])).toBe("silent");
    broker.resume();
    expect(await answer).toBe("answered");
  });

  test("keeps port and data over a restart", async () => {
    const before = broker.pid;
    await broker.restart();
    expect(broker.pid).not.toBe(before);
    expect(await consume(address, topic, lines.length)).toEqual(lines);
  });

  test("keeps what was acknowledged over a crash", async () => {
    await broker.kill();
    await expect(untilAnswer(address)).rejects.toThrow();
    await broker.restart();
    expect(await consume(address, topic, lines.length)).toEqual(lines);
  });

  test("rejects with the broker's own words when it dies at start", async () => {
    const properties = { "log.retention.ms": "never" };
    await expect(startLocalBroker({ properties })).rejects.toThrow(/log\.retention\.ms/);
  });

  test("rejects when its port is taken", async () => {
    const port = Number(address.split(":")[1]);
    await expect(startLocalBroker({ port })).rejects.toThrow(
      /ended while starting[\s\S]*Address already in use/,
    );
  });
});
