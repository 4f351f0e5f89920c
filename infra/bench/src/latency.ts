import { type Ground, startFloor, startLoad, startShardcast } from "./cluster.ts";
import { percentile, printFigure, ratioOf, sorted } from "./figures.ts";
import { measure, roundsOf } from "./measure.ts";

const AGAINST = "floor: bare kafkajs produce → consume → produce → consume";
const ROUND_MS = 1_000;
const WARM_UP_MS = 3_000;

/** What the gateway adds, at one caller, to the way over the log that nobody can do without. */
export async function latency(ground: Ground, { seconds }: { readonly seconds: number }): Promise<void> {
  const [url, asker, load] = await Promise.all([
    startShardcast(ground),
    startFloor(ground),
    startLoad(ground),
  ]);
  const askFloor = async (durationMs: number) => {
    const job = { durationMs };
    const limitMs = durationMs + 30_000;
    return (await asker.ask<{ kind: "samples"; samples: Float64Array }>(job, "samples", limitMs)).samples;
  };
  const askGateway = async (durationMs: number) =>
    (await measure(load, "gateway", { url, callers: 1, durationMs })).samples;

  await askFloor(WARM_UP_MS);
  await askGateway(WARM_UP_MS);
  const floor: Float64Array[] = [];
  const gateway: Float64Array[] = [];
  const { rounds, durationMs } = roundsOf(seconds, ROUND_MS);
  for (let round = 0; round < rounds; round++) {
    floor.push(await askFloor(durationMs));
    gateway.push(await askGateway(durationMs));
  }

  const floorSamples = sorted(floor);
  const gatewaySamples = sorted(gateway);
  console.error(
    `latency: ${gatewaySamples.length} requests, floor ${floorSamples.length}, in ${rounds} rounds of each`,
  );
  for (const percent of [50, 99]) {
    const floorMs = percentile(floorSamples, percent);
    const value = percentile(gatewaySamples, percent);
    printFigure({ name: `latency.floor.p${percent}`, value: floorMs, unit: "ms" });
    printFigure({
      name: `latency.gateway.p${percent}`,
      value,
      unit: "ms",
      against: AGAINST,
      ratio: ratioOf(value, floorMs),
    });
  }
}
