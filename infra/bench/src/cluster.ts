import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "@shardcast/infra-kafka";
import { createTopics } from "./kafka.ts";
import { Child, type ChildMessage } from "./processes/child.ts";
import type { Resources } from "./resources.ts";

export const WORKERS = 3;
export const SERVICE = "bench";
const READY_LIMIT_MS = 50_000;
const READY_POLL_MS = 50;

/** What all processes of a run share. */
export interface Ground {
  readonly brokers: readonly string[];
  /** Before every topic and group of this run. */
  readonly prefix: string;
  readonly resources: Resources;
}

interface Ready {
  readonly kind: "ready";
  readonly url: string;
}

const script = (path: string) => import.meta.resolve(path);

function environment({ brokers, prefix }: Ground): Record<string, string> {
  return { SHARDCAST_KAFKA_BROKERS: brokers.join(","), SHARDCAST_TOPIC_PREFIX: prefix };
}

/** The real gateway and three real workers, each its own process. Resolves to the URL once a request would be served. */
export async function startShardcast(ground: Ground): Promise<string> {
  // First, so that one alone creates the topics.
  const { url } = await startGateway(ground, `${SERVICE}=${WORKERS}`);
  const workers = Array.from({ length: WORKERS }, (_, ordinal) => {
    const env = {
      ...environment(ground),
      SHARDCAST_SERVICE: SERVICE,
      SHARDCAST_MEMBER: String(ordinal),
      SHARDCAST_REPLICAS: String(WORKERS),
    };
    return ground.resources.add(new Child(`worker ${ordinal}`, script("./processes/worker.ts"), { env }));
  });
  await Promise.all(workers.map((worker) => worker.message("ready")));
  return url;
}

export interface Gateway {
  readonly url: string;
  readonly pid: number;
}

/** Resolves once it serves. `services` is what it takes for SHARDCAST_SERVICES. */
export async function startGateway(
  ground: Ground,
  services: string,
  more: Readonly<Record<string, string>> = {},
  limitMs = READY_LIMIT_MS,
): Promise<Gateway> {
  // Its own log line is no interface, so it is told where to listen.
  const port = await freePort();
  const env = {
    ...environment(ground),
    SHARDCAST_HOST: "127.0.0.1",
    SHARDCAST_PORT: String(port),
    SHARDCAST_SERVICES: services,
    SHARDCAST_LOG_LEVEL: "warn",
    ...more,
  };
  const main = new URL("./main.ts", import.meta.resolve("@shardcast/gateway"));
  const gateway = ground.resources.add(new Child("gateway", main, { env }));
  const url = `http://127.0.0.1:${port}`;
  await gateway.within(untilReady(url, limitMs), "readiness", limitMs);
  return { url, pid: gateway.pid ?? -1 };
}

async function untilReady(url: string, limitMs: number): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (performance.now() < endMs) {
    try {
      const answer = await fetch(`${url}/readyz`);
      await answer.arrayBuffer();
      if (answer.ok) return;
    } catch {
      // It does not listen yet.
    }
    await sleep(READY_POLL_MS);
  }
  throw new Error(`the gateway was not ready within ${limitMs} ms`);
}

/** The prototype in the same shape; ready when each worker has its one lane. */
export async function startPrototype(ground: Ground, lingerMs: number): Promise<string> {
  const { brokers, prefix, resources } = ground;
  await createTopics(brokers, {
    [`${prefix}prototype.requests`]: WORKERS,
    [`${prefix}prototype.replies`]: 1,
  });
  const env = { ...environment(ground), LINGER_MS: String(lingerMs) };
  const lanes = new Array<number>(WORKERS).fill(0);
  const assigned = Promise.withResolvers<void>();
  const workers = lanes.map((_, index) => {
    const onMessage = ({ kind, lanes: count }: ChildMessage) => {
      if (kind !== "assigned") return;
      lanes[index] = Number(count);
      if (lanes.every((each) => each === 1)) assigned.resolve();
    };
    const name = `prototype worker ${index}`;
    return resources.add(new Child(name, script("./prototype/worker.ts"), { env, onMessage }));
  });
  const gateway = resources.add(new Child("prototype gateway", script("./prototype/gateway.ts"), { env }));
  const [{ url }] = await Promise.all([
    gateway.message<Ready>("ready"),
    ...workers.map((worker) => worker.within(assigned.promise, "lane")),
  ]);
  return url;
}

/** Fastify alone. */
export async function startEcho({ resources }: Ground): Promise<string> {
  const echo = resources.add(new Child("bare fastify echo", script("./processes/echo.ts")));
  return (await echo.message<Ready>("ready")).url;
}

/** A load generator. */
export async function startLoad({ resources }: Ground): Promise<Child> {
  const load = resources.add(new Child("load", script("./processes/load.ts")));
  await load.message("ready");
  return load;
}

/** The two processes of the floor. Resolves to the one that asks. */
export async function startFloor(ground: Ground): Promise<Child> {
  const { brokers, prefix, resources } = ground;
  await createTopics(brokers, { [`${prefix}floor.ask`]: 1, [`${prefix}floor.answer`]: 1 });
  const env = environment(ground);
  const echo = resources.add(new Child("floor echo", script("./floor/echo.ts"), { env }));
  const asker = resources.add(new Child("floor asker", script("./floor/asker.ts"), { env }));
  await Promise.all([echo.message("ready"), asker.message("ready")]);
  return asker;
}
