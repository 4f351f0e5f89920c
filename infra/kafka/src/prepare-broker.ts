import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BrokerProperties, renderServerProperties } from "./broker-properties.ts";
import { runKafkaTool } from "./kafka-tool.ts";
import { freePort } from "./ports.ts";
import { tail } from "./run-process.ts";

export interface BrokerFiles {
  /** On the command line of the broker's process: tells that process from any other. */
  config: string;
  data: string;
  log: string;
}

export function brokerFiles(dir: string): BrokerFiles {
  return { config: join(dir, "server.properties"), data: join(dir, "data"), log: join(dir, "broker.log") };
}

/** Writes server.properties, and formats the data folder unless that has been done before. */
export async function prepareBroker(
  files: BrokerFiles,
  port: number,
  properties?: BrokerProperties,
): Promise<void> {
  await mkdir(files.data, { recursive: true });
  const place = { port, controllerPort: await freePort(), dataDir: files.data };
  await writeFile(files.config, renderServerProperties(place, properties));
  if (existsSync(join(files.data, "meta.properties"))) return;
  const format = ["format", "--ignore-formatted", "--cluster-id", clusterId(), "--config", files.config];
  const { code, stdout, stderr } = await runKafkaTool("kafka.tools.StorageTool", format);
  if (code !== 0) throw new Error(`Kafka could not format ${files.data}:\n${tail(stdout + stderr)}`);
}

/** Kafka's ids are 16 bytes in base64url, and may not begin with a dash. */
function clusterId(): string {
  return `s${randomBytes(16).toString("base64url").slice(1)}`;
}
