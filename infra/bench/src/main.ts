import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { startLocalBroker } from "@shardcast/infra-kafka";
import type { Ground } from "./cluster.ts";
import { hotKey } from "./hot-key.ts";
import { idle } from "./idle.ts";
import { deleteTopics } from "./kafka.ts";
import { latency } from "./latency.ts";
import { move } from "./move.ts";
import { notify } from "./notify.ts";
import { proxy } from "./proxy.ts";
import { Resources } from "./resources.ts";
import { results } from "./results.ts";
import { rolling } from "./rolling.ts";
import { takeover } from "./takeover.ts";
import { throughput } from "./throughput.ts";

interface Settings {
  readonly seconds: number;
  readonly prototypeLingerMs: number;
  readonly alone: boolean;
  readonly runs: number;
  readonly count: number;
}

const benches = new Map<
  string,
  { about: string; run: (ground: Ground, settings: Settings) => Promise<void> }
>([
  ["latency", { about: "one caller's round trip through the gateway, against bare kafkajs", run: latency }],
  ["throughput", { about: "requests/s at 1, 32 and 256 callers, beside a prototype", run: throughput }],
  [
    "takeover",
    { about: "a member crashes, restarts or is lost: until its lanes answer again", run: takeover },
  ],
  ["move", { about: "24 lanes, 3 → 4 → 3 members under 500 requests/s: pauses", run: move }],
  ["rolling", { about: "all members restarted twice under 500 requests/s: errors, waits", run: rolling }],
  [
    "results",
    { about: "a gateway starts with many recorded results: time, memory, answers by id", run: results },
  ],
  [
    "hot-key",
    { about: "one key at ten times its capacity: what other keys of its lane notice", run: hotKey },
  ],
  ["notify", { about: "all of 1, 8, 32, 64 members told and heard, against one keyed request", run: notify }],
  [
    "proxy",
    {
      about:
        "straight to the owner through the gateway, against no proxy, nginx and HAProxy, each on all cores",
      run: proxy,
    },
  ],
  ["idle", { about: "CPU and broker requests of idle members, by members and lanes", run: idle }],
]);

const help = `Usage: npm run bench -- NAME… [--seconds N] [--brokers HOST:PORT,…] [--prototype-linger MS] [--alone] [--runs N]
       [--count N]

${[...benches].map(([name, { about }]) => `  ${name.padEnd(12)}${about}`).join("\n")}

  --seconds            time for each figure (default: 10)
  --brokers            Kafka to use (default: KAFKA_BROKERS, else one of its own on the local JVM)
  --prototype-linger   the prototype's fixed wait before it sends, in milliseconds (default: 0)
  --alone              throughput of Shardcast only, with nothing that it is compared with on the machine
  --runs               how often takeover does each thing (default: 20; at most 5 lost nodes, 3 of the ordinary group)
  --count              recorded results (default: 1000000)

One line of JSON on standard output for each figure; remarks on standard error. Ends with 1 when an answer was wrong, a request
failed, or another number of lanes moved than must.`;

// All is closed by now. An interrupted bench may still sleep somewhere, and would hold the process.
process.exit(await main(process.argv.slice(2)));

async function main(args: string[]): Promise<number> {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${help}`);
    return 2;
  }
  if (parsed === undefined) {
    console.log(help);
    return 0;
  }
  const { names, brokers, settings } = parsed;
  try {
    for (const name of names) await runBench(name, brokers, settings);
    return 0;
  } catch (error) {
    console.error(messageOf(error));
    return 1;
  }
}

function parse(args: string[]) {
  const { values, positionals: names } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      help: { type: "boolean", short: "h" },
      seconds: { type: "string", default: "10" },
      brokers: { type: "string", default: process.env.KAFKA_BROKERS ?? "" },
      "prototype-linger": { type: "string", default: "0" },
      alone: { type: "boolean", default: false },
      runs: { type: "string", default: "20" },
      count: { type: "string", default: "1000000" },
    },
  });
  if (values.help) return undefined;
  if (names.length === 0) throw new Error("The name of a bench is needed");
  for (const name of names) if (!benches.has(name)) throw new Error(`There is no bench ${name}`);
  const settings = {
    seconds: numberWithin("seconds", values.seconds, 0.1, 3_600),
    prototypeLingerMs: numberWithin("prototype-linger", values["prototype-linger"], 0, 1_000),
    alone: values.alone,
    runs: wholeWithin("runs", values.runs, 1, 1_000),
    count: wholeWithin("count", values.count, 1_000, 10_000_000),
  };
  return { names, brokers: values.brokers.split(",").filter(Boolean), settings };
}

function numberWithin(option: string, text: string, min: number, max: number): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!(value >= min && value <= max)) {
    throw new Error(`--${option} takes a number from ${min} to ${max}, not "${text}"`);
  }
  return value;
}

function wholeWithin(option: string, text: string, min: number, max: number): number {
  const value = numberWithin(option, text, min, max);
  if (!Number.isInteger(value)) throw new Error(`--${option} takes a whole number, not "${text}"`);
  return value;
}

/** Whatever happens, what was started is ended. */
async function runBench(name: string, given: readonly string[], settings: Settings): Promise<void> {
  const resources = new Resources();
  const interrupted = Promise.withResolvers<never>();
  interrupted.promise.catch(() => {});
  const interrupt = (signal: NodeJS.Signals) => interrupted.reject(new Error(`interrupted by ${signal}`));
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  try {
    const prefix = `bench-${randomUUID().slice(0, 8)}.`;
    const brokers = given.length > 0 ? given : resources.add(await startLocalBroker()).brokers;
    if (given.length > 0) resources.add({ stop: () => deleteTopics(brokers, prefix) });
    const running = benches.get(name)?.run({ brokers, prefix, resources }, settings);
    running?.catch(() => {}); // an interrupted bench fails once more when its processes end
    await Promise.race([running, interrupted.promise]);
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
    await resources.close();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
