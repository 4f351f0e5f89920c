import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Caller } from "./caller.ts";
import { nowMs } from "./clock.ts";
import { type Gateway, type Ground, SERVICE, startGateway, WORKERS } from "./cluster.ts";
import { Failed } from "./failed.ts";
import { printFigure, ratioOf } from "./figures.ts";
import { PacedLoad } from "./paced/load.ts";
import { printBeside } from "./paced/report.ts";
import type { Target } from "./paced/run.ts";
import { waitsOf } from "./paced/samples.ts";
import { Child } from "./processes/child.ts";

const LANE = 0;
const OTHERS = 20;
const OTHERS_PER_SECOND = 50;
/** The handler takes 10 ms, and a key's requests follow one another: at most 100 are answered in a second. */
const HOT_PER_SECOND = 1_000;
const WARM_UP_MS = 5_000;
/** Until the hot key has as much in flight as it may. */
const HEAT_UP_MS = 2_000;
/** Enough to know how it is without; what is long is for the memory. */
const MOST_CALM_MS = 60_000;
const MEMORY_SAMPLES = 10;

/** What callers of other keys of a lane notice of one key that is asked for at ten times of what it can answer. */
export async function hotKey(ground: Ground, { seconds }: { readonly seconds: number }): Promise<void> {
  const load = await PacedLoad.start(ground.resources);
  const gateway = await startService(ground);
  const [hot, ...targets] = await keysOfLane(gateway, OTHERS + 1);
  const plan = { url: gateway.url, ratePerSecond: OTHERS_PER_SECOND, targets };
  await load.warmUp(plan, WARM_UP_MS);

  await load.begin(plan);
  await sleep(Math.min(seconds * 1_000, MOST_CALM_MS));
  const calm = await load.end();

  const heat = new Heat(gateway.url, (hot as Target).key);
  await sleep(HEAT_UP_MS);
  await load.begin(plan);
  const residentsMb: number[] = [];
  for (let i = 0; i < MEMORY_SAMPLES; i++) {
    await sleep((seconds * 1_000) / MEMORY_SAMPLES);
    residentsMb.push(residentMb(gateway));
  }
  const others = await load.end();
  console.error(`hot-key: the gateway's memory, MB: ${residentsMb.map(Math.round).join(", ")}`);
  const { answered, refused, failed, elapsedMs } = await heat.end();

  printBeside("hot-key.calm", waitsOf(calm.samples), "hot-key.others", waitsOf(others.samples));
  printFigure({ name: "hot-key.answered", value: (answered * 1_000) / elapsedMs, unit: "requests/s" });
  printFigure({ name: "hot-key.refused", value: refused, unit: "requests" });
  const [firstMb = 0] = residentsMb;
  printFigure({ name: "hot-key.memory-begin", value: firstMb, unit: "MB" });
  printFigure({
    ...{
      name: "hot-key.memory-end",
      value: residentsMb.at(-1) ?? 0,
      unit: "MB",
      against: "hot-key.memory-begin",
    },
    ratio: ratioOf(residentsMb.at(-1) ?? 0, firstMb),
  });
  printFigure({ name: "hot-key.others.failed", value: others.failed, unit: "requests" });

  for (const result of [calm, others]) if (result.failed > 0) throw new Failed("hot-key", result);
  if (failed.length > 0) {
    throw new Error(`hot-key: ${failed.length} neither answered nor refused, e.g. ${failed[0]}`);
  }
}

/** A gateway and workers with one lane each. */
async function startService(ground: Ground): Promise<Gateway> {
  const { brokers, prefix, resources } = ground;
  const gateway = await startGateway(ground, `${SERVICE}=${WORKERS}`);
  const script = import.meta.resolve("./processes/worker.ts");
  const workers = Array.from({ length: WORKERS }, (_, ordinal) => {
    const env = {
      SHARDCAST_KAFKA_BROKERS: brokers.join(","),
      SHARDCAST_TOPIC_PREFIX: prefix,
      SHARDCAST_SERVICE: SERVICE,
      SHARDCAST_MEMBER: String(ordinal),
      SHARDCAST_REPLICAS: String(WORKERS),
    };
    return resources.add(new Child(`worker ${ordinal}`, script, { env }));
  });
  await Promise.all(workers.map((worker) => worker.message("ready")));
  return gateway;
}

async function keysOfLane({ url }: Gateway, count: number): Promise<Target[]> {
  const targets: Target[] = [];
  for (let i = 0; targets.length < count; i++) {
    const key = `key-${i}`;
    const answer = await fetch(`${url}/v1/${SERVICE}/keys/${key}`);
    if (!answer.ok) throw new Error(`the directory said ${answer.status}: ${await answer.text()}`);
    const { lane } = (await answer.json()) as { lane: number };
    if (lane === LANE) targets.push({ lane, key });
  }
  return targets;
}

/** One key at a fixed rate, however long the answers take, and whether it is refused or not. */
class Heat {
  readonly #url: URL;
  readonly #path: string;
  readonly #begunMs = nowMs();
  readonly #open = new Set<Promise<void>>();
  readonly #idle: Caller[] = [];
  readonly #failed: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sent = 0;
  #answered = 0;
  #refused = 0;

  constructor(url: string, key: string) {
    this.#url = new URL(url);
    this.#path = `/v1/${SERVICE}/keys/${key}/owner`;
    this.#sendDue();
  }

  /** Sends no more, and waits for all answers. */
  async end() {
    clearTimeout(this.#timer);
    const elapsedMs = nowMs() - this.#begunMs;
    const answered = this.#answered;
    await Promise.all(this.#open);
    for (const caller of this.#idle) caller.close();
    return { answered, refused: this.#refused, failed: this.#failed, elapsedMs };
  }

  #sendDue(): void {
    const dueBy = ((nowMs() - this.#begunMs) * HOT_PER_SECOND) / 1_000;
    for (; this.#sent < dueBy; this.#sent++) {
      const asking = this.#ask();
      this.#open.add(asking);
      void asking.then(() => this.#open.delete(asking));
    }
    this.#timer = setTimeout(() => this.#sendDue(), 1);
  }

  /** An idle one, unless the gateway has closed it since. */
  async #caller(): Promise<Caller> {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (!idle.closed) return idle;
    }
    return Caller.connect(this.#url.hostname, Number(this.#url.port));
  }

  /** Never rejects. */
  async #ask(): Promise<void> {
    try {
      const caller = await this.#caller();
      const { status, body } = await caller.post(this.#path, "hot");
      this.#idle.push(caller);
      if (status === 200) this.#answered++;
      else if (status === 429) this.#refused++;
      else this.#failed.push(`${status} ${body.slice(0, 300)}`);
    } catch (error) {
      this.#failed.push(String(error));
    }
  }
}

function residentMb({ pid }: Gateway): number {
  const [, kb] = /^VmRSS:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kb) / 1_000;
}
