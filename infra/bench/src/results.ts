import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createKafkaLog } from "@shardcast/log-kafka";
import { encodeResult, newRequestId, topicsOf } from "@shardcast/protocol";
import pLimit from "p-limit";
import { pino } from "pino";
import { type Gateway, type Ground, startGateway } from "./cluster.ts";
import { percentile, printFigure, sorted } from "./figures.ts";

const SERVICE = "results";
const LANES = 24;
const BODY = Buffer.from(JSON.stringify({ balance: 4_711, note: "x".repeat(180) }));
/** Appends under way at once, while the topic is filled. */
const AT_ONCE = 2_000;
const READY_LIMIT_MS = 300_000;
/** Of a caller that asks one request after another. */
const ASKED = 2_000;

/** A gateway that starts with many recorded results: how long until it is ready, what it holds, how fast it answers by id. */
export async function results(ground: Ground, { count }: { readonly count: number }): Promise<void> {
  const services = `${SERVICE}=${LANES}/1`;
  const first = await startGateway(ground, services);
  const emptyMb = memoryMb(first.pid, "RssAnon");
  const ids = await fill(ground, count);
  const sample = Array.from({ length: ASKED }, (_, i) => ids[Math.floor((i * ids.length) / ASKED)] as string);
  await untilKnown(first, ids);
  printFigure({ name: "results.count", value: count, unit: "results" });
  printAsked("results.get", await askAll(first, sample));

  // One that starts while the other answers.
  const begunMs = performance.now();
  const starting = startGateway(ground, services, {}, READY_LIMIT_MS);
  const meanwhile: Float64Array[] = [];
  let done = false;
  starting.finally(() => {
    done = true;
  });
  while (!done) meanwhile.push(await askAll(first, sample.slice(0, 200)));
  const second = await starting;
  const readyMs = performance.now() - begunMs;
  printFigure({ name: "results.restart", value: readyMs, unit: "ms" });
  printAsked("results.get-meanwhile", sorted(meanwhile));
  printFigure({ name: "results.memory", value: memoryMb(second.pid, "RssAnon"), unit: "MB" });
  printFigure({ name: "results.file", value: memoryMb(second.pid, "RssFile"), unit: "MB" });
  printFigure({ name: "results.memory-empty", value: emptyMb, unit: "MB" });
  printAsked("results.get-restarted", await askAll(second, sample));
}

/** As owners would have written them. */
async function fill({ brokers, prefix }: Ground, count: number): Promise<string[]> {
  const log = createKafkaLog({ brokers: [...brokers], logger: pino({ level: "fatal" }) });
  const { results: topic } = topicsOf(SERVICE, { lanes: LANES, prefix });
  const limit = pLimit(AT_ONCE);
  try {
    const appends = Array.from({ length: count }, (_, i) =>
      limit(async () => {
        const partition = i % LANES;
        const id = newRequestId(partition);
        const record = encodeResult({
          ...{ id, fencingToken: 1, delivery: 1, atMs: Date.now(), kind: "ended", end: "replied" },
          ...{ fingerprint: "f", attempts: 1, status: 200, contentType: "application/json" },
          headers: {},
          body: BODY,
        });
        await log.append({ topic: topic.name, partition, ...record });
        return id;
      }),
    );
    return await Promise.all(appends);
  } finally {
    await log.close();
  }
}

/** What was written last is known. */
async function untilKnown(gateway: Gateway, ids: readonly string[]): Promise<void> {
  for (const id of ids.slice(-LANES)) while ((await get(gateway, id)).status !== 200);
}

/** One after another; how long each took, ascending. */
async function askAll(gateway: Gateway, ids: readonly string[]): Promise<Float64Array> {
  const tookMs = new Float64Array(ids.length);
  for (const [i, id] of ids.entries()) {
    const begunMs = performance.now();
    const { status } = await get(gateway, id);
    tookMs[i] = performance.now() - begunMs;
    if (status !== 200) throw new Error(`request ${id}: ${status}`);
  }
  return tookMs.sort();
}

const agent = new Agent({ keepAlive: true });

async function get({ url }: Gateway, id: string): Promise<{ readonly status: number }> {
  const asked = request(`${url}/v1/${SERVICE}/requests/${id}`, { agent });
  asked.end();
  const [response] = await once(asked, "response");
  response.resume();
  await once(response, "end");
  return { status: response.statusCode };
}

function printAsked(name: string, tookMs: Float64Array): void {
  printFigure({ name: `${name}.p50`, value: percentile(tookMs, 50), unit: "ms" });
  printFigure({ name: `${name}.p99`, value: percentile(tookMs, 99), unit: "ms" });
}

/** `RssAnon`: what the process has for itself. `RssFile`: what of files is mapped, which the system may take back. */
function memoryMb(pid: number, kind: "RssAnon" | "RssFile"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const [, kb] = new RegExp(`^${kind}:\\s+([0-9]+) kB$`, "m").exec(status) ?? [];
  return Number(kb) / 1_000;
}
