import { type Ground, startEcho, startLoad, startPrototype, startShardcast } from "./cluster.ts";
import { percentile, printFigure, ratioOf, sorted } from "./figures.ts";
import type { LoadResult } from "./load.ts";
import { measure, roundsOf } from "./measure.ts";

export const LEVELS = [1, 32, 256] as const;
const ROUND_MS = 2_500;
const WARM_UP_MS = 3_000;

export interface ThroughputOptions {
  readonly seconds: number;
  /** The prototype's fixed wait before each send. */
  readonly prototypeLingerMs: number;
}

type Target = "gateway" | "prototype" | "fastify";

/** Requests a second through gateway and workers, beside a prototype of the same path and Fastify alone. */
export async function throughput(ground: Ground, options: ThroughputOptions): Promise<void> {
  const [load, gateway, prototype, fastify] = await Promise.all([
    startLoad(ground),
    startShardcast(ground),
    startPrototype(ground, options.prototypeLingerMs),
    startEcho(ground),
  ]);
  const urls: Readonly<Record<Target, string>> = { gateway, prototype, fastify };
  const targets = Object.keys(urls) as Target[];
  for (const callers of LEVELS) {
    const results: Record<Target, LoadResult[]> = { gateway: [], prototype: [], fastify: [] };
    const { rounds, durationMs } = roundsOf(options.seconds, ROUND_MS);
    for (const target of targets) {
      await measure(load, target, { url: urls[target], callers, durationMs: WARM_UP_MS });
    }
    for (let round = 0; round < rounds; round++) {
      for (const target of targets) {
        results[target].push(await measure(load, target, { url: urls[target], callers, durationMs }));
      }
    }
    report(callers, results);
  }
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
