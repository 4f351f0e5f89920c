import { type Ground, startEcho, startLoad, startPrototype, startShardcast } from "./cluster.ts";
import { percentile, printFigure, ratioOf, sorted } from "./figures.ts";
import type { LoadResult } from "./load.ts";
import { measure, roundsOf } from "./measure.ts";

export const LEVELS = [1, 32, 256] as const;
const ROUND_MS = 2_500;
const WARM_UP_MS = 3_000;
/** Before the first level: a broker's JVM is several times slower until it has compiled what is hot. */
const BROKER_WARM_UP = { callers: 32, durationMs: 6_000 };

export interface ThroughputOptions {
  readonly seconds: number;
  /** The prototype's fixed wait before each send. */
  readonly prototypeLingerMs: number;
  /** Without the prototype and the bare echo, whose idle processes take part of the machine. */
  readonly alone: boolean;
}

type Target = "gateway" | "prototype" | "fastify";

/** Requests a second through gateway and workers, beside a prototype of the same path and Fastify alone. */
export async function throughput(ground: Ground, options: ThroughputOptions): Promise<void> {
  const [load, urls] = await Promise.all([startLoad(ground), startTargets(ground, options)]);
  for (const [target, url] of urls) await measure(load, target, { url, ...BROKER_WARM_UP });
  for (const callers of LEVELS) {
    const results: Record<Target, LoadResult[]> = { gateway: [], prototype: [], fastify: [] };
    const { rounds, durationMs } = roundsOf(options.seconds, ROUND_MS);
    for (const [target, url] of urls) {
      await measure(load, target, { url, callers, durationMs: WARM_UP_MS });
    }
    for (let round = 0; round < rounds; round++) {
      for (const [target, url] of urls) {
        results[target].push(await measure(load, target, { url, callers, durationMs }));
      }
    }
    if (options.alone) reportAlone(callers, results.gateway);
    else report(callers, results);
  }
}

async function startTargets(
  ground: Ground,
  { alone, prototypeLingerMs }: ThroughputOptions,
): Promise<Map<Target, string>> {
  if (alone) return new Map([["gateway", await startShardcast(ground)]]);
  const [gateway, prototype, fastify] = await Promise.all([
    startShardcast(ground),
    startPrototype(ground, prototypeLingerMs),
    startEcho(ground),
  ]);
  return new Map([
    ["gateway", gateway],
    ["prototype", prototype],
    ["fastify", fastify],
  ]);
}

function reportAlone(callers: number, results: readonly LoadResult[]): void {
  printFigure({ name: `throughput.gateway.${callers}`, value: rateOf(results), unit: "requests/s" });
  printPercentiles("gateway", callers, results);
}

function report(callers: number, results: Readonly<Record<Target, readonly LoadResult[]>>): void {
  const rates = {
    gateway: rateOf(results.gateway),
    prototype: rateOf(results.prototype),
    fastify: rateOf(results.fastify),
  };
  printFigure({
    name: `throughput.gateway.${callers}`,
    value: rates.gateway,
    unit: "requests/s",
    against: "bare fastify echo",
    ratio: ratioOf(rates.gateway, rates.fastify),
  });
  printPercentiles("gateway", callers, results.gateway);
  printFigure({ name: `throughput.prototype.${callers}`, value: rates.prototype, unit: "requests/s" });
  printPercentiles("prototype", callers, results.prototype);
  const advantage = ratioOf(rates.gateway, rates.prototype);
  printFigure({
    name: `throughput.gateway-over-prototype.${callers}`,
    value: advantage,
    unit: "x",
    against: "prototype",
    ratio: advantage,
  });
  console.error(
    `throughput: ${callers} callers, gateway ${advantage > 1 ? "ahead of" : "BEHIND"} the prototype`,
  );
}

function printPercentiles(target: Target, callers: number, results: readonly LoadResult[]): void {
  const samples = sorted(results.map((result) => result.samples));
  for (const percent of [50, 99]) {
    const value = percentile(samples, percent);
    printFigure({ name: `throughput.${target}.${callers}.p${percent}`, value, unit: "ms" });
  }
}

function rateOf(results: readonly LoadResult[]): number {
  const answered = results.reduce((sum, { samples }) => sum + samples.length, 0);
  const elapsedMs = results.reduce((sum, result) => sum + result.elapsedMs, 0);
  return (answered * 1000) / elapsedMs;
}
