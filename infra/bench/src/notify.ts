import { setTimeout as sleep } from "node:timers/promises";
import { Caller } from "./caller.ts";
import { type Ground, SERVICE, startShardcast } from "./cluster.ts";
import { percentile, printFigure, ratioOf } from "./figures.ts";
import { Child } from "./processes/child.ts";

/** Members that are told, one number after the other. */
const SIZES = [1, 8, 32, 64] as const;
/** Members share processes: so many machines there are not. */
const PROCESSES = 4;
const WARM_UP = 100;
/** One keyed request and one broadcast in turn, so that noise hits both alike. */
const RUNS = 400;
const PATIENCE_S = 10;
const KNOWN_LIMIT_MS = 30_000;
const POLL_MS = 100;
const BODY = "rates have changed";

/** From the sending of a job until the last of all members has acknowledged it, beside one keyed request to one owner. */
export async function notify(ground: Ground): Promise<void> {
  const url = await startShardcast(ground);
  const { hostname, port } = new URL(url);
  const caller = await Caller.connect(hostname, Number(port));
  for (const size of SIZES) {
    const members = await startMembers(ground, size);
    await untilExpected(caller, size);
    for (let i = 0; i < WARM_UP; i++) await tell(caller, size).then(() => ask(caller));
    const asked = new Float64Array(RUNS);
    const told = new Float64Array(RUNS);
    for (let i = 0; i < RUNS; i++) {
      asked[i] = await ask(caller);
      told[i] = await tell(caller, size);
    }
    print(size, asked.sort(), told.sort());
    await Promise.all(members.map((child) => child.stop()));
  }
  caller.close();
}

/** Spread over few processes. */
async function startMembers({ brokers, prefix, resources }: Ground, size: number): Promise<readonly Child[]> {
  const names = Array.from({ length: size }, (_, i) => `pod-${i}-x`);
  const shares = [...Map.groupBy(names, (_, i) => i % PROCESSES).values()];
  const children = shares.map((share, i) => {
    const env = {
      SHARDCAST_KAFKA_BROKERS: brokers.join(","),
      SHARDCAST_TOPIC_PREFIX: prefix,
      SHARDCAST_SERVICE: SERVICE,
      BENCH_MEMBERS: share.join(","),
    };
    const script = import.meta.resolve("./processes/subscribers.ts");
    return resources.add(new Child(`subscribers ${i} of ${size}`, script, { env }));
  });
  await Promise.all(children.map((child) => child.message("ready")));
  return children;
}

/** The gateway has heard of all of them. */
async function untilExpected(caller: Caller, size: number): Promise<void> {
  const endMs = performance.now() + KNOWN_LIMIT_MS;
  for (; ; await sleep(POLL_MS)) {
    const { status, body } = await broadcast(caller);
    if (status === 200 && acknowledged(body).length === size) return;
    if (performance.now() > endMs)
      throw new Error(`not ${size} members, but ${status}: ${body.slice(0, 300)}`);
  }
}

/** Milliseconds until one owner has answered one keyed request. */
async function ask(caller: Caller): Promise<number> {
  const begunMs = performance.now();
  const { status, body } = await caller.post(`/v1/${SERVICE}/keys/key`, BODY);
  const tookMs = performance.now() - begunMs;
  if (status !== 200) throw new Error(`a keyed request: ${status}: ${body}`);
  return tookMs;
}

/** Milliseconds until all members have acknowledged. */
async function tell(caller: Caller, size: number): Promise<number> {
  const begunMs = performance.now();
  const { status, body } = await broadcast(caller);
  const tookMs = performance.now() - begunMs;
  const found = status === 200 ? acknowledged(body).length : 0;
  if (found !== size) throw new Error(`a broadcast to ${size}: ${status}, ${found} acknowledged`);
  return tookMs;
}

function broadcast(caller: Caller) {
  return caller.post(`/v1/${SERVICE}/broadcasts?ack=all`, BODY, `prefer: wait=${PATIENCE_S}\r\n`);
}

function acknowledged(body: string): readonly unknown[] {
  const { members } = JSON.parse(body) as { readonly members: readonly { readonly state: string }[] };
  return members.filter(({ state }) => state === "acked");
}

function print(size: number, asked: Float64Array, told: Float64Array): void {
  for (const percent of [50, 99]) {
    const askedMs = percentile(asked, percent);
    const value = percentile(told, percent);
    const keyed = `notify.${size}.keyed.p${percent}`;
    printFigure({ name: keyed, value: askedMs, unit: "ms" });
    printFigure({
      name: `notify.${size}.p${percent}`,
      value,
      unit: "ms",
      against: keyed,
      ratio: ratioOf(value, askedMs),
    });
  }
}
