import { parseArgs } from "node:util";
import { detachedBrokerDir, downDetached, isUpDetached, upDetached } from "./detached-broker.ts";

const help = `Usage: npm run kafka -- up|down|status [--port 9092]

A real Kafka broker (KRaft, one node) on the local JVM; needs a JDK of version 17 or later, and Maven the first time.

  up      starts it unless it runs, waits until it serves, prints KAFKA_BROKERS
  down    stops it and waits for its end; its data stays
  status  exit code 0 when it serves, 3 when it does not

  --port  where clients connect; each port is a broker of its own, with its data in .kafka/PORT (default: 9092)
  --help  this text

For quick starts a new consumer group is not held back: group.initial.rebalance.delay.ms is 0, not Kafka's 3000.`;

type Command = (port: number) => Promise<number>;

const commands = new Map<string, Command>([
  ["up", up],
  ["down", down],
  ["status", status],
]);

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  let parsed: { help: boolean; command: Command; port: number };
  try {
    parsed = parse(args);
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${help}`);
    return 2;
  }
  if (parsed.help) {
    console.log(help);
    return 0;
  }
  try {
    return await parsed.command(parsed.port);
  } catch (error) {
    console.error(messageOf(error));
    return 1;
  }
}

function parse(args: string[]) {
  const options = {
    port: { type: "string", default: "9092" },
    help: { type: "boolean", default: false },
  } as const;
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  if (values.help) return { help: true, command: status, port: 0 };
  const [name = "", ...rest] = positionals;
  const command = commands.get(name);
  if (!command || rest.length > 0) throw new Error("One command is needed: up, down or status");
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Error(`--port takes a number from 1 to 65535, not "${values.port}"`);
  }
  return { help: false, command, port };
}

async function up(port: number): Promise<number> {
  const outcome = await upDetached(port);
  console.log(`Kafka is ${outcome === "started" ? "up" : outcome}. Data and log: ${detachedBrokerDir(port)}`);
  console.log(`KAFKA_BROKERS=localhost:${port}`);
  console.log(`Stop it by: npm run kafka -- down --port ${port}`);
  return 0;
}

async function down(port: number): Promise<number> {
  const outcome = await downDetached(port);
  console.log(outcome === "stopped" ? `Kafka on port ${port} has stopped` : `No Kafka runs on port ${port}`);
  return 0;
}

async function status(port: number): Promise<number> {
  const isUp = await isUpDetached(port);
  console.log(isUp ? `up: KAFKA_BROKERS=localhost:${port}` : `down: no Kafka serves on port ${port}`);
  return isUp ? 0 : 3;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
