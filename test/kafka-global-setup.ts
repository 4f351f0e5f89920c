import { acquireTestBroker } from "@shardcast/infra-kafka";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** The broker that all *.kafka.test.ts share: `inject("kafkaBrokers")`. Tests keep apart by topic and group names. */
    kafkaBrokers: string[];
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const broker = await acquireTestBroker();
  console.log(`Kafka for the tests: ${broker.brokers.join(",")} (${broker.source})`);
  project.provide("kafkaBrokers", broker.brokers);
  return () => broker.stop();
}
