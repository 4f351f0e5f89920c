import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { fuzz } from "./fuzz.ts";

const help = `Usage: npm run fuzz -- [--minutes N] [--seed S]

Random input at the gateway's door and on the log, against a system in memory: no crash, no hang, no leak, no 500.

  --minutes  how long, fractions too (default: 1)
  --seed     repeats the cases of a run (default: a random one, printed)

Violations go to standard error with their seed and case. The last line is one of JSON; ends with 1 on any violation.`;

const MAX_SEED = 2 ** 32 - 1;

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${help}`);
    return 2;
  }
  if (parsed === undefined) {
    console.log(help);
    return 0;
  }
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort()).once("SIGTERM", () => stop.abort());
  console.error(`seed ${parsed.seed}`);
  const report = await fuzz({ ...parsed, signal: stop.signal });
  console.log(JSON.stringify(report));
  return report.violations === 0 ? 0 : 1;
}

function parse(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: "boolean", short: "h" },
      minutes: { type: "string", default: "1" },
      seed: { type: "string" },
    },
  });
  if (values.help) return undefined;
  const minutes = values.minutes.trim() === "" ? Number.NaN : Number(values.minutes);
  if (!(minutes > 0 && minutes <= 1_440))
    throw new Error(`--minutes takes a number over 0, not "${values.minutes}"`);
  const seed = values.seed === undefined ? randomInt(MAX_SEED) : Number(values.seed);
  if (!Number.isInteger(seed) || seed < 0 || seed > MAX_SEED) {
    throw new Error(`--seed takes a whole number from 0 to ${MAX_SEED}, not "${values.seed}"`);
  }
  return { seconds: minutes * 60, seed };
}
