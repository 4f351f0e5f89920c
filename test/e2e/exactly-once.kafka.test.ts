import { decodeReply } from "@shardcast/protocol";
import { expect, inject, test } from "vitest";
import { startCluster } from "./support/cluster.ts";
import { orderFaults, readEffects } from "./support/effects.ts";
import { committedProgress, readTopic } from "./support/kafka.ts";
import { keysOfLane } from "./support/keys.ts";
import { startLoad } from "./support/load.ts";

const VICTIM = 1;
const CALLERS = 24;

test("exactly once: through a crash under load each request has one reply on the log, and replies and progress agree (C3, C4)", async () => {
  const brokers = inject("kafkaBrokers");
  const cluster = await startCluster({ brokers, env: { SHARDCAST_DELIVERY: "exactly-once" } });
  const keys = [0, 1, 2].flatMap((lane) => keysOfLane(lane, 16, "quick"));
  const load = startLoad(cluster, {
    callers: CALLERS,
    next: (n) => ({ key: keys[(n * 7) % keys.length] as string, handler: "append", timeoutS: 60 }),
  });
  await load.until((done) => done.length >= 500);
  cluster.workers[VICTIM]?.kill("SIGKILL");
  await cluster.workers[VICTIM]?.exited;
  await cluster.startWorker(VICTIM);
  const before = load.done.length;
  await load.until((done) => done.length >= before + 500);
  const done = await load.stop();
  expect(done.filter(({ answer }) => answer?.status !== 200)).toEqual([]);

  const requests = await readTopic(brokers, cluster.topics.requests);
  const replies = (await readTopic(brokers, cluster.topics.replies))
    .map(decodeReply)
    .filter((reply) => reply !== undefined);
  expect(replies).toHaveLength(requests.length);
  expect(new Set(replies.map(({ id }) => id)).size).toBe(requests.length);
  // In one commit with the replies, so there is no moment at which they disagree.
  const progress = await committedProgress(brokers, cluster.group, cluster.topics.requests.name);
  const recorded = [...progress.values()].map(({ offset, doneAbove }) => offset + doneAbove.length);
  expect(recorded.reduce((sum, each) => sum + each, 0)).toBe(requests.length);
  expect(orderFaults(readEffects(cluster.effectsFile))).toEqual([]);
}, 120_000);
