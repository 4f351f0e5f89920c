import { randomUUID } from "node:crypto";
import { acquireTestBroker } from "@shardcast/infra-kafka";
import { logConformance } from "@shardcast/log/conformance";
import { pino } from "pino";
import { createKafkaLog } from "../src/index.ts";

const logger = pino({ level: process.env.TEST_LOG_LEVEL ?? "silent" });

logConformance({
  name: "Kafka",
  features: { persistent: true, outages: true, maxRecordBytes: 1_000_000 },
  async setUp() {
    const broker = await acquireTestBroker({ exclusive: true });
    return {
      open: async () =>
        createKafkaLog(
          { brokers: broker.brokers, unavailableAfterMs: 1_000, requestTimeoutMs: 2_000, logger },
          {},
        ),
      topicName: () => `conformance-${randomUUID()}`,
      // A stopped process keeps its connections open and answers nothing: the hardest way to be away.
      async interrupt() {
        await broker.pause();
        return () => broker.resume();
      },
      close: () => broker.stop(),
    };
  },
});
