import { join } from "node:path";
import { ensureKafkaJars } from "./jars.ts";
import { javaCommand } from "./java.ts";
import { toolLogging } from "./paths.ts";
import { type ProcessResult, type RunOptions, runProcess } from "./run-process.ts";

// A tool lives for seconds: starting fast matters, running fast does not.
const shortLived = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/**
 * Runs a main class of Kafka's jars, for example `org.apache.kafka.tools.consumer.ConsoleConsumer`, or a
 * single-file Java program that uses them. The exit code is the caller's to judge.
 */
export async function runKafkaTool(
  className: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ProcessResult> {
  const classPath = join(await ensureKafkaJars(), "*");
  const logging = `-Dlog4j2.configurationFile=${toolLogging}`;
  return runProcess(javaCommand(), [...shortLived, logging, "-cp", classPath, className, ...args], options);
}
