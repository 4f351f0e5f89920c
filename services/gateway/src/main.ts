#!/usr/bin/env node
import { parseArgs } from "node:util";
import type { Log } from "@shardcast/log";
import { createKafkaLog } from "@shardcast/log-kafka";
import closeWithGrace from "close-with-grace";
import { pino } from "pino";
import { createGateway } from "./gateway.ts";
import { resolveGatewayOptions } from "./options.ts";
import { usage } from "./usage.ts";

/** Beyond the grace time of requests: for the last answers, and for the log to leave. */
const LEAVE_MS = 10_000;

process.exitCode = await run();

async function run(): Promise<number> {
  try {
    const { values } = parseArgs({ options: { help: { type: "boolean", short: "h" } } });
    if (values.help) {
      process.stdout.write(usage());
      return 0;
    }
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${usage()}`);
    return 2;
  }
  try {
    await serve();
    return 0;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    return 1;
  }
}

async function serve(): Promise<void> {
  const faults: string[] = [];
  const settings = attempt(() => resolveGatewayOptions({}), faults);
  const logger = pino({ name: "shardcast-gateway", level: settings?.logLevel ?? "info" });
  const log: Log | undefined = attempt(() => createKafkaLog({ logger }), faults);
  // Both at once: who repairs a configuration wants to know everything that is wrong with it.
  if (settings === undefined || log === undefined) throw new Error(faults.join("\n"));
  const gateway = await createGateway({ ...settings, log, logger });
  const delay = settings.shutdownGraceMs + LEAVE_MS;
  closeWithGrace({ delay, logger }, async ({ err, signal }) => {
    if (err) logger.fatal({ err }, "closing after an unexpected fault");
    else logger.info({ signal }, "closing");
    await gateway.close();
  });
}

function attempt<T>(step: () => T, faults: string[]): T | undefined {
  try {
    return step();
  } catch (error) {
    faults.push(messageOf(error));
    return undefined;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
