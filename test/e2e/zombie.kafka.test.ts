import { writeFileSync } from "node:fs";
import { createLedger } from "@shardcast/accounts";
import { decodeReply, decodeReplyFence } from "@shardcast/protocol";
import { expect, inject, test } from "vitest";
import { startCluster } from "./support/cluster.ts";
import { readEffects, startsOf } from "./support/effects.ts";
import { readTopic } from "./support/kafka.ts";
import { keysOfLane } from "./support/keys.ts";

const VICTIM = 1;
const STOPPED_MS = 10_000;
const REASSIGN_AFTER_MS = 2_000;

test("an owner stopped in the middle of a handler for 10 s wakes up as a zombie: its write, its commit and its reply are refused, its signal has fired (C2, C4)", async () => {
  const brokers = inject("kafkaBrokers");
  const env = {
    SHARDCAST_REASSIGN_AFTER_MS: String(REASSIGN_AFTER_MS),
    SHARDCAST_LOST_AFTER_MS: String(REASSIGN_AFTER_MS),
  };
  const cluster = await startCluster({ brokers, env });
  const { http, effectsFile } = cluster;
  const [key = ""] = keysOfLane(VICTIM, 1, "held");
  const zombie = cluster.workers[VICTIM];
  const effects = () => readEffects(effectsFile);
  const answered = http.post(cluster.path(key, "hold"), "", { timeoutS: 60 });
  await expect.poll(() => startsOf(effects()), { timeout: 20_000 }).toHaveLength(1);

  zombie?.kill("SIGSTOP");
  const stoppedMs = performance.now();
  // The planner has its lane taken over, and another member handles the request again.
  await expect.poll(() => startsOf(effects()), { timeout: 20_000 }).toHaveLength(2);
  expect(performance.now() - stoppedMs).toBeGreaterThan(REASSIGN_AFTER_MS);
  writeFileSync(`${effectsFile}.go`, "");
  const answer = await answered;
  expect(answer.status).toBe(200);
  const [stale, rightful] = startsOf(effects());
  expect(JSON.parse(answer.body)).toMatchObject({ member: rightful?.member });
  expect(rightful?.member).not.toBe(String(VICTIM));
  expect(rightful?.fencingToken).toBeGreaterThan(stale?.fencingToken as number);

  await new Promise((resolve) => setTimeout(resolve, stoppedMs + STOPPED_MS - performance.now()));
  zombie?.kill("SIGCONT");
  const ends = () => effects().filter(({ event, pid }) => event === "end" && pid === zombie?.pid);
  await expect.poll(ends, { timeout: 20_000 }).toHaveLength(1);
  expect(ends()[0]).toMatchObject({ aborted: true, refused: "StaleOwnerError" });
  expect(await createLedger(cluster.ledgerDir).load(Buffer.from(key))).toMatchObject({ balance: 1 });

  // It is not dead, only late: it comes back as a new incarnation, and gets its lane.
  await zombie?.said("fenced by the planner; going on as a new incarnation");
  const next = () => http.post(cluster.path(key, "echo"), "", { timeoutS: 30 });
  const owner = async () => (JSON.parse((await next()).body) as { member: string }).member;
  await expect.poll(owner, { timeout: 20_000 }).toBe(String(VICTIM));
  expect(zombie?.running).toBe(true);

  // One reply to the request; a mark that fences off what the zombie might still have sent, on every partition.
  const replies = await readTopic(brokers, cluster.topics.replies);
  const id = answer.headers["shardcast-request-id"];
  const own = replies.map(decodeReply).filter((reply) => reply?.id === id);
  expect(own).toMatchObject([{ fencingToken: rightful?.fencingToken }]);
  const marked = replies.filter(
    (record) => (decodeReplyFence(record)?.tokens.get(VICTIM) ?? -1) >= (stale?.fencingToken as number),
  );
  expect(new Set(marked.map(({ partition }) => partition)).size).toBe(cluster.topics.replies.partitions);
}, 120_000);
