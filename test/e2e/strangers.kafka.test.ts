import { expect, inject, test } from "vitest";
import { LANES, startCluster } from "./support/cluster.ts";
import { type Effect, handledPlaces, readEffects, startsOf } from "./support/effects.ts";
import { consoleProduce, describeGroup } from "./support/kafka.ts";
import { keysOfLane } from "./support/keys.ts";

/** Keys of every length and alphabet: where a hash goes wrong it does so for some. */
const KEYS = Array.from(
  { length: 300 },
  (_, i) => `${["k", "konto-é-", "счёт:", "口座/", "user 😀 "][i % 5]}${"x".repeat(i % 9)}${i * 7919}`,
);

test("Kafka's own producer and the gateway put a key on the same lane, before the same worker (C2)", async () => {
  const brokers = inject("kafkaBrokers");
  const cluster = await startCluster({ brokers });
  await consoleProduce(
    brokers,
    cluster.topics.requests.name,
    KEYS.map((key, i) => [key, `event ${i}`]),
  );
  const answers = await Promise.all(KEYS.map((key) => cluster.http.post(cluster.path(key, "echo"), "mine")));
  const ours = answers.map(({ body }) => JSON.parse(body) as { key: string; lane: number; member: string });
  await expect
    .poll(() => handledPlaces(readEffects(cluster.effectsFile)).size, { timeout: 30_000 })
    .toBe(KEYS.length);

  const strangers = new Map(startsOf(readEffects(cluster.effectsFile)).map((each) => [each.key, each]));
  const pids = cluster.workers.map(({ pid }) => pid);
  expect(ours.map(({ key, lane, member }) => ({ key, lane, member }))).toEqual(
    KEYS.map((key) => {
      const { lane, member } = strangers.get(key) as Effect;
      return { key, lane, member };
    }),
  );
  const elsewhere = [...strangers.values()].filter(({ lane, pid }) => pids[lane] !== pid);
  expect(elsewhere).toEqual([]);
  expect(new Set(ours.map(({ lane }) => lane)).size).toBe(LANES);
});

test("kafka-consumer-groups shows the lag of every lane; what waits for a stopped worker is handled when it is back (C3)", async () => {
  const brokers = inject("kafkaBrokers");
  const cluster = await startCluster({ brokers });
  const topic = cluster.topics.requests.name;
  const lagOf = async () => (await describeGroup(brokers, cluster.group)).map(({ lag }) => lag);
  const away = 1;
  const keys = Array.from({ length: LANES }, (_, lane) => keysOfLane(lane, 4, "event")).flat();
  const events = keys.map((key) => [key, "event"] as const);

  await consoleProduce(brokers, topic, events);
  await expect.poll(lagOf, { timeout: 30_000 }).toEqual([0, 0, 0]);
  const rows = await describeGroup(brokers, cluster.group);
  expect(rows.map(({ topic: name, lane, offset, end }) => ({ name, lane, offset, end }))).toEqual(
    [0, 1, 2].map((lane) => ({ name: topic, lane, offset: 4, end: 4 })),
  );

  cluster.workers[away]?.kill("SIGTERM");
  expect(await cluster.workers[away]?.exited).toEqual({ code: 0, signal: null });
  await consoleProduce(brokers, topic, events);
  await expect.poll(lagOf, { timeout: 30_000 }).toEqual([0, 4, 0]);

  await cluster.startWorker(away);
  await expect.poll(lagOf, { timeout: 30_000 }).toEqual([0, 0, 0]);
  const starts = startsOf(readEffects(cluster.effectsFile));
  const perLane = [0, 1, 2].map((lane) => starts.filter((each) => each.lane === lane));
  expect(perLane.map((own) => own.map(({ offset }) => offset).sort((a, b) => a - b))).toEqual(
    [0, 1, 2].map(() => [0, 1, 2, 3, 4, 5, 6, 7]),
  );
});
