export { ensureKafkaJars, javaAvailable } from "./jars.ts";
export { runKafkaTool } from "./kafka-tool.ts";
export type { LocalBroker, LocalBrokerOptions } from "./local-broker.ts";
export { startLocalBroker } from "./local-broker.ts";
export { murmur2Java } from "./murmur2-java.ts";
export type { ProcessResult, RunOptions } from "./run-process.ts";
export type { TestBroker, TestBrokerOptions } from "./test-broker.ts";
export { acquireTestBroker } from "./test-broker.ts";
