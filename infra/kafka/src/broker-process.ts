import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ensureKafkaJars } from "./jars.ts";
import { javaCommand } from "./java.ts";
import { brokerLogging } from "./paths.ts";
import { canConnect } from "./ports.ts";
import type { BrokerFiles } from "./prepare-broker.ts";
import { tail } from "./run-process.ts";

const startLimitMs = 60_000;

export type BrokerProcess = ChildProcess & { readonly pid: number };

export interface SpawnBrokerOptions {
  port: number;
  /** A detached broker goes on when this process ends. */
  detached: boolean;
  /** Called as soon as the process exists, long before it serves. */
  onSpawn(broker: BrokerProcess): void | Promise<void>;
}

/** Starts a prepared broker and waits until it serves. When it dies first, rejects with the tail of its output. */
export async function spawnBroker(files: BrokerFiles, options: SpawnBrokerOptions): Promise<BrokerProcess> {
  const classPath = join(await ensureKafkaJars(), "*");
  const logging = `-Dlog4j2.configurationFile=${brokerLogging}`;
  const args = ["-Xmx512m", logging, "-cp", classPath, "kafka.Kafka", files.config];
  // A file, not a pipe: the output outlives us, and a parent that is busy or gone never blocks the broker.
  const log = await open(files.log, "a");
  try {
    const logStart = (await log.stat()).size;
    const stdio: ["ignore", number, number] = ["ignore", log.fd, log.fd];
    const child = spawn(javaCommand(), args, { detached: options.detached, stdio });
    await once(child, "spawn");
    const broker = child as BrokerProcess;
    await options.onSpawn(broker);
    await untilStarted(broker, options.port, () => outputSince(files.log, logStart));
    return broker;
  } finally {
    await log.close();
  }
}

export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Ready = the broker says that it has started, and its port answers. */
async function untilStarted(
  broker: BrokerProcess,
  port: number,
  output: () => Promise<string>,
): Promise<void> {
  const deadline = Date.now() + startLimitMs;
  while (!((await output()).includes("Kafka Server started") && (await canConnect(port)))) {
    if (hasEnded(broker)) {
      throw new Error(`The Kafka broker for port ${port} ended while starting:\n${tail(await output())}`);
    }
    if (Date.now() > deadline) {
      broker.kill("SIGKILL");
      throw new Error(`The Kafka broker did not start in ${startLimitMs} ms:\n${tail(await output())}`);
    }
    await delay(25);
  }
}

async function outputSince(log: string, start: number): Promise<string> {
  return (await readFile(log)).subarray(start).toString("utf8");
}
