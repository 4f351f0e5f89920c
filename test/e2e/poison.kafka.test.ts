import { expect, inject, test } from "vitest";
import { startCluster } from "./support/cluster.ts";
import { type Effect, readEffects, startsOf } from "./support/effects.ts";
import { problemOf } from "./support/http.ts";
import { consoleConsume } from "./support/kafka.ts";
import { keysOfLane } from "./support/keys.ts";

const LANE = 2;
const ATTEMPTS = 4;

test("a failing key delays only itself, is told to its caller and lies in the dead letters (C9)", async () => {
  const brokers = inject("kafkaBrokers");
  const cluster = await startCluster({
    brokers,
    env: {
      SHARDCAST_MAX_ATTEMPTS: String(ATTEMPTS),
      SHARDCAST_RETRY_MIN_MS: "500",
      // One slot: a key that waits for its next attempt must not hold it.
      SHARDCAST_CONCURRENCY: "1",
    },
  });
  const { http, path, effectsFile } = cluster;
  const [poison = "", ...others] = keysOfLane(LANE, 9, "account");
  const attempts = () => startsOf(readEffects(effectsFile)).filter(({ handler }) => handler === "fail");

  // A caller's own headers do not travel, so what lies in the dead letters can be told in full.
  const failing = http.post(path(poison, "fail"), "bitter", { timeoutS: 60 });
  const successor = http.post(path(poison, "append"), "sweet", { timeoutS: 60 });
  await expect.poll(() => attempts().length, { timeout: 20_000 }).toBeGreaterThan(0);
  // Meanwhile, again and again until the last attempt: every other key of the lane is answered.
  let rounds = 0;
  while (attempts().length < ATTEMPTS - 1) {
    const answers = await Promise.all(
      others.map((key) => http.post(path(key, "echo"), "", { timeoutS: 60 })),
    );
    expect(answers.map(({ status }) => status)).toEqual(others.map(() => 200));
    expect(attempts().length).toBeLessThan(ATTEMPTS);
    rounds++;
  }
  expect(rounds).toBeGreaterThan(0);

  const answer = await failing;
  expect(answer.status).toBe(502);
  expect(problemOf(answer)).toEqual({
    type: "application/problem+json",
    code: "SHARDCAST_ATTEMPTS_EXHAUSTED",
  });
  expect(answer.headers["retry-after"]).toBeUndefined();
  expect(attempts().map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
  // C1: the key itself waited, and went on.
  expect((await successor).status).toBe(200);
  const ofKey = startsOf(readEffects(effectsFile)).filter(({ key }) => key === poison);
  expect(ofKey.map(({ handler }) => handler)).toEqual(["fail", "fail", "fail", "fail", "append"]);

  const [letter = "", ...more] = await consoleConsume(brokers, cluster.topics.dead.name, 1);
  expect(more).toEqual([]);
  const [partition, headers = "", key, value] = letter.split("\t");
  expect([partition, key, value]).toEqual([`Partition:${LANE}`, poison, "bitter"]);
  const { id, offset, member } = attempts()[0] as Effect;
  expect(headers.split(",")).toEqual(
    expect.arrayContaining([
      `sc-id:${id}`,
      "sc-handler:fail",
      "sc-dead-code:SHARDCAST_ATTEMPTS_EXHAUSTED",
      `sc-dead-reason:the handler failed ${ATTEMPTS} times: poison for ${poison}`,
      `sc-dead-attempts:${ATTEMPTS}`,
      `sc-dead-origin:${cluster.topics.requests.name}/${LANE}/${offset}`,
      `sc-dead-member:${member}`,
    ]),
  );
});
