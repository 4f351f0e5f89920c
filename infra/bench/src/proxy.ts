import { availableParallelism } from "node:os";
import { type Ground, startGateway, WORKERS } from "./cluster.ts";
import { percentile, printFigure, ratioOf, sorted } from "./figures.ts";
import type { LoadResult } from "./load.ts";
import { FaultsFound, roundsOf } from "./measure.ts";
import { Child } from "./processes/child.ts";
import type { ProxyPlan } from "./proxy-load.ts";
import { RIVALS, startRival } from "./proxy-rivals.ts";

const ROUND_MS = 1_000;
/** A gateway's code is compiled as it runs: for the first tens of thousands of requests it is not what it will be. */
const WARM_UP_MS = 5_000;
const DRAIN_LIMIT_MS = 30_000;
const DIRECT = "no proxy";
const GATEWAY = "gateway";
/** One process of it, which has one core. */
const ONE_GATEWAY = "gateway-one";

/** Who answers behind the proxies. */
interface Owners {
  readonly service: string;
  readonly script: string;
  /** Of the figures' names. */
  readonly label: string;
  readonly levels: readonly number[];
}

const OWNERS: readonly Owners[] = [
  // As replicas on the worker SDK serve what comes straight to them.
  { service: "served", script: "./proxy-owner.ts", label: "proxy", levels: [1, 64] },
  // That cost next to nothing: what is left is the proxies' own.
  { service: "bare", script: "./proxy-backend.ts", label: "proxy.bare", levels: [64] },
];

/** Where each of what is compared listens. */
type Targets = ReadonlyMap<string, readonly string[]>;

/**
 * Straight to the owner, through the gateway's proxy by the lane map, and through what else does it; in turns. Each proxy has all the
 * cores, by its own means: nginx by workers, HAProxy by threads, the gateway by processes, over which a Service would spread connections.
 */
export async function proxy(ground: Ground, { seconds }: { readonly seconds: number }): Promise<void> {
  const gateways = await startGateways(ground);
  const load = ground.resources.add(new Child("load", import.meta.resolve("./proxy-load.ts"), { env: {} }));
  await load.message("ready");
  for (const owners of OWNERS) {
    const all = await startTargets(ground, owners, gateways);
    const { service, label, levels } = owners;
    for (const callers of levels) {
      // One caller has one connection, to one process.
      const targets = new Map([...all].filter(([name]) => callers > 1 || name !== ONE_GATEWAY));
      const results = new Map([...targets.keys()].map((name) => [name, [] as LoadResult[]]));
      const { rounds, durationMs } = roundsOf(seconds, ROUND_MS);
      const ask = (name: string, urls: readonly string[], forMs: number) =>
        measure(load, name, { service, urls, callers, durationMs: forMs });
      for (const [name, urls] of targets) await ask(name, urls, WARM_UP_MS);
      for (let round = 0; round < rounds; round++)
        for (const [name, urls] of targets) results.get(name)?.push(await ask(name, urls, durationMs));
      report(label, callers, results);
    }
  }
}

async function startGateways(ground: Ground): Promise<readonly string[]> {
  const services = OWNERS.map(({ service }) => `${service}=${WORKERS}`).join(",");
  const gateways: string[] = [];
  // One after the other, so that the first alone creates the topics.
  while (gateways.length < availableParallelism()) {
    const { url } = await startGateway(ground, services, { SHARDCAST_PROXY: "true" });
    gateways.push(url);
  }
  return gateways;
}

async function startTargets(
  ground: Ground,
  { service, script }: Owners,
  gateways: readonly string[],
): Promise<Targets> {
  const { resources } = ground;
  const start = (name: string, path: string, env = {}) =>
    resources.add(new Child(name, import.meta.resolve(path), { env }));
  const backends = await Promise.all(
    Array.from({ length: WORKERS }, async (_, i) => {
      const owner = start(`${service} ${i}`, script);
      return (await owner.message<{ kind: "ready"; url: string }>("ready")).url;
    }),
  );
  // Real ones, which say on the log that the backends are where they listen.
  const workers = backends.map((url, ordinal) =>
    start(`worker ${service}-${ordinal}`, "./processes/worker.ts", {
      SHARDCAST_KAFKA_BROKERS: ground.brokers.join(","),
      SHARDCAST_TOPIC_PREFIX: ground.prefix,
      SHARDCAST_SERVICE: service,
      SHARDCAST_MEMBER: String(ordinal),
      SHARDCAST_REPLICAS: String(WORKERS),
      SHARDCAST_URL: url,
    }),
  );
  await Promise.all(workers.map((worker) => worker.message("ready")));
  const targets = new Map<string, readonly string[]>([
    [DIRECT, backends],
    [GATEWAY, gateways],
    [ONE_GATEWAY, gateways.slice(0, 1)],
  ]);
  for (const rival of RIVALS) {
    const url = await startRival(rival, backends, resources);
    if (url === undefined) console.error(`proxy: ${rival.name} is not installed, and not compared with`);
    else targets.set(rival.name, [url]);
  }
  return targets;
}

async function measure(load: Child, what: string, plan: ProxyPlan): Promise<LoadResult> {
  const limitMs = plan.durationMs + DRAIN_LIMIT_MS;
  const result = await load.ask<LoadResult & { kind: "result" }>(plan, "result", limitMs);
  if (result.faults > 0) throw new FaultsFound(`${what} at ${plan.callers} callers`, result);
  return result;
}

function report(of: string, callers: number, results: ReadonlyMap<string, readonly LoadResult[]>): void {
  const samples = new Map(
    [...results].map(([name, parts]) => [name, sorted(parts.map((each) => each.samples))]),
  );
  const rates = new Map([...results].map(([name, parts]) => [name, rateOf(parts)]));
  const direct = samples.get(DIRECT) as Float64Array;
  for (const [name, taken] of samples) {
    const label = `${of}.${name === DIRECT ? "direct" : name}.${callers}`;
    printFigure({
      ...{ name: label, value: rates.get(name) as number, unit: "requests/s" },
      ...against(DIRECT, name, rates),
    });
    for (const percent of [50, 99]) {
      const value = percentile(taken, percent);
      printFigure({ name: `${label}.p${percent}`, value, unit: "ms" });
      if (name === DIRECT) continue;
      const added = value - percentile(direct, percent);
      printFigure({ name: `${label}.added-p${percent}`, value: added, unit: "ms", against: DIRECT });
    }
  }
  const rivals = [...rates].filter(([name]) => RIVALS.some((rival) => rival.name === name));
  const [best] = rivals.sort(([, a], [, b]) => b - a);
  if (best === undefined) return;
  const [name] = best;
  const ratio = against(name, GATEWAY, rates);
  printFigure({ name: `${of}.gateway-over-best.${callers}`, value: ratio.ratio ?? 0, unit: "x", ...ratio });
}

function against(name: string, of: string, rates: ReadonlyMap<string, number>) {
  if (name === of) return {};
  return { against: name, ratio: ratioOf(rates.get(of) as number, rates.get(name) as number) };
}

function rateOf(results: readonly LoadResult[]): number {
  const answered = results.reduce((sum, { samples }) => sum + samples.length, 0);
  const elapsedMs = results.reduce((sum, result) => sum + result.elapsedMs, 0);
  return (answered * 1000) / elapsedMs;
}
