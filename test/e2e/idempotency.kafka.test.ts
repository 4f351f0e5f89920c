import { setTimeout as sleep } from "node:timers/promises";
import { decodeResult } from "@shardcast/protocol";
import pLimit from "p-limit";
import { expect, inject, test } from "vitest";
import { type Cluster, LANES, startCluster } from "./support/cluster.ts";
import { readEffects } from "./support/effects.ts";
import type { Answer } from "./support/http.ts";
import { readTopic } from "./support/kafka.ts";
import { keysOfLane } from "./support/keys.ts";

const REQUESTS = 5_000;
const SENDS = 3;
const AT_ONCE = 48;
const AGAIN_MS = 200;
const OVER: ReadonlySet<number> = new Set([429, 503, 504]);

test("5,000 idempotent requests, each sent three times to two gateways while owners and gateways are killed: one recorded end, the same bytes for all (C5)", {
  timeout: 300_000,
}, async () => {
  const brokers = inject("kafkaBrokers");
  const cluster = await startCluster({ brokers, gateways: 2 });
  const keys = Array.from({ length: LANES }, (_, lane) => keysOfLane(lane, 30, "key")).flat();
  let ended = 0;
  const answers = new Map<string, Answer[]>();

  async function sendAll(n: number): Promise<void> {
    const key = keys[n % keys.length] as string;
    const own = await Promise.all(
      Array.from({ length: SENDS }, (_, send) => insist(cluster, send + n, key, `"request ${n}"`)),
    );
    answers.set(`${key} ${n}`, own);
    ended++;
  }

  const limit = pLimit(AT_ONCE);
  const all = Promise.all(Array.from({ length: REQUESTS }, (_, n) => limit(() => sendAll(n))));
  const killed = new Set<number>();
  for (const [i, at] of [0.15, 0.35, 0.55, 0.75].entries()) {
    while (ended < at * REQUESTS) await sleep(20);
    if (i % 2 === 0) {
      const worker = cluster.workers[i];
      killed.add(worker?.pid ?? -1);
      worker?.kill("SIGKILL");
      await worker?.exited;
      await cluster.startWorker(i);
    } else {
      const index = (i - 1) / 2;
      const { program } = cluster.gateways[index] as Cluster["gateways"][number];
      program.kill("SIGKILL");
      await program.exited;
      await cluster.startGateway(index);
    }
  }
  await all;

  const different = [...answers].filter(([, own]) => new Set(own.map(({ body }) => body)).size !== 1);
  expect(different).toEqual([]);
  expect([...answers.values()].flat().filter(({ status }) => status !== 200)).toEqual([]);

  const results = (await readTopic(brokers, cluster.topics.results)).map(decodeResult);
  const ends = results.filter((result) => result?.kind === "ended");
  expect(ends).toHaveLength(REQUESTS);
  expect(new Set(ends.map(({ id }) => id)).size).toBe(REQUESTS);

  const completions = Map.groupBy(
    readEffects(cluster.effectsFile).filter(({ event }) => event === "end"),
    ({ id }) => id,
  );
  expect(completions.size).toBe(REQUESTS);
  // A process that was killed may have completed what it could not record any more; nobody has seen an answer to that.
  const repeated = [...completions.values()].filter(
    (own) => own.slice(0, -1).some(({ pid }) => !killed.has(pid)) || own.length > 2,
  );
  expect(repeated).toEqual([]);
});

/** Sends until there is an answer that ends it, to the gateways in turn. */
async function insist(cluster: Cluster, first: number, key: string, idempotencyKey: string): Promise<Answer> {
  for (let turn = first; ; turn++) {
    const { http } = cluster.gateways[turn % cluster.gateways.length] as Cluster["gateways"][number];
    try {
      const answer = await http.post(cluster.path(key, "append"), "{}", {
        headers: { "idempotency-key": idempotencyKey },
      });
      if (!OVER.has(answer.status)) return answer;
    } catch {
      // That gateway is gone; the other is not.
    }
    await sleep(AGAIN_MS);
  }
}
