import { Kafka, logLevel } from "kafkajs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { javaAvailable } from "../../kafka/src/jars.ts";
import { type ChaosBroker, startBroker } from "../src/broker.ts";

const TOPIC = "links";

// A broker with listeners of its own can be had on the local JVM only.
const withJava = test.skipIf(!(await javaAvailable()));
let chaos: ChaosBroker | undefined;

beforeAll(async () => {
  if (await javaAvailable()) chaos = await startBroker(2);
});
afterAll(() => chaos?.stop());

function broker(): ChaosBroker {
  if (chaos === undefined) throw new Error("no broker");
  return chaos;
}

/** A client that fails at once instead of trying again. */
function client(brokers: string): Kafka {
  return new Kafka({
    brokers: [brokers],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1_000,
    requestTimeout: 1_000,
    retry: { retries: 0 },
  });
}

withJava(
  "all that a member says to the broker goes over its own link, and a fault of that is no other's",
  async () => {
    const { brokers, brokersFor, faulty } = broker();
    const admin = client(brokers).admin();
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic: TOPIC, numPartitions: 1 }] });
    await admin.disconnect();
    const producers = [0, 1].map((member) => client(brokersFor(member)).producer());
    const send = (producer: (typeof producers)[number] | undefined, value: string) =>
      producer?.send({ topic: TOPIC, messages: [{ value }] });
    for (const producer of producers) {
      await producer.connect();
      await send(producer, "whole");
    }
    faulty?.links[0]?.set({ kind: "held" });
    await expect(send(producers[0], "held")).rejects.toThrow(/timed out/i);
    await send(producers[1], "whole");
    faulty?.links[0]?.set({ kind: "cut" });
    await expect(send(producers[0], "cut")).rejects.toThrow();
    await send(producers[1], "whole");
    await Promise.all(producers.map((producer) => producer.disconnect()));
  },
);

withJava("restarts on the same addresses", async () => {
  const { brokersFor, faulty } = broker();
  faulty?.links[0]?.set({ kind: "whole" });
  await faulty?.broker.restart();
  const admin = client(brokersFor(0)).admin();
  await admin.connect();
  expect(await admin.listTopics()).toContain(TOPIC);
  await admin.disconnect();
});
