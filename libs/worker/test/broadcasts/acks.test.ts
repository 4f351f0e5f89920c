import { createMemoryLog } from "@shardcast/log/memory";
import {
  type AckRecord,
  ackPartitionOf,
  broadcastTopicsOf,
  decodeAck,
  fromProblem,
  newBroadcastId,
  PROBLEM_JSON,
  ShardcastError,
} from "@shardcast/protocol";
import { expect, test } from "vitest";
import { AckWriter } from "../../src/broadcasts/acks.ts";
import { type HandlerReply, reply } from "../../src/index.ts";
import { ACKS } from "../support/broadcasts.ts";
import { quiet, SERVICE, World } from "../support/world.ts";

const author = { member: "0", token: 7 };

/** Whoever waits until an attempt has been running for a while, in the test's hands. */
class Later {
  readonly callbacks = new Set<() => void>();
  readonly later = (callback: () => void) => {
    this.callbacks.add(callback);
    return () => void this.callbacks.delete(callback);
  };
  pass(): void {
    for (const callback of this.callbacks) callback();
  }
}

async function open({ maxRecordBytes }: { maxRecordBytes?: number } = {}) {
  const world = await World.open(maxRecordBytes === undefined ? {} : { maxRecordBytes });
  await world.log.ensureTopics(Object.values(broadcastTopicsOf(SERVICE)));
  const over = new AbortController();
  const passing = new Later();
  const { logger } = world;
  const log = createMemoryLog({ cluster: world.cluster });
  const acks = new AckWriter({ log, topic: ACKS, author, over: over.signal, later: passing.later, logger });
  const id = newBroadcastId();
  const said = (): AckRecord[] =>
    world
      .records(ACKS, ackPartitionOf(id))
      .map(decodeAck)
      .filter((each) => each !== undefined);
  return { world, over, passing, acks: acks.of(id), id, said };
}

function acked(init: Parameters<typeof reply>[0]): { kind: "acked"; reply: HandlerReply; attempts: number } {
  return { kind: "acked", reply: reply(init), attempts: 1 };
}

test("an attempt is said to run when it has for a while, and not if it is quick", async () => {
  const { acks, passing, said, id } = await open();
  const quick = acks.started(1);
  quick();
  passing.pass();
  acks.failed(1, "no");
  const ended = acks.started(2);
  passing.pass();
  ended();
  await quiet();
  expect(said()).toMatchObject([
    { kind: "retrying", attempt: 1, reason: "no", id, author },
    { kind: "running", attempt: 2, id, author },
  ]);
});

test("C7: a reply that is too large for every gateway to keep is acknowledged all the same, with a problem in its place", async () => {
  const { acks, said } = await open();
  await acks.final(acked({ body: "x".repeat(64_001) }));
  const [only] = said();
  expect(only).toMatchObject({ kind: "acked", status: 502, contentType: PROBLEM_JSON, attempt: 1 });
  expect(only?.kind === "acked" && fromProblem(only.body)).toMatchObject({
    code: "SHARDCAST_REPLY_TOO_LARGE",
    message: "the reply has 64001 bytes",
  });
});

test("C7: headers are part of a reply, and the largest that fits goes as it is", async () => {
  const { acks, said } = await open();
  await acks.final(acked({ body: "x".repeat(63_990), headers: { "x-a": "1234567" } }));
  await acks.final(acked({ body: "x".repeat(63_991), headers: { "x-a": "1234567" } }));
  expect(said()).toMatchObject([{ status: 200 }, { status: 502 }]);
});

test("a reply that the log does not take is acknowledged with a problem in its place", async () => {
  const { acks, said } = await open({ maxRecordBytes: 2_000 });
  await acks.final(acked({ body: "x".repeat(2_000) }));
  expect(said()).toMatchObject([{ kind: "acked", status: 502 }]);
});

test("C6: what is final is tried until it is on the log; when nothing counts any more it rejects", async () => {
  const { acks, said, world, over } = await open();
  world.cluster.setAvailable(false);
  const failed = { kind: "failed", code: "SHARDCAST_HANDLER_REFUSED", reason: "no", attempts: 2 } as const;
  const first = acks.final(failed);
  await quiet();
  world.cluster.setAvailable(true);
  await first;
  expect(said()).toMatchObject([{ kind: "failed", attempt: 2, reason: "no" }]);
  world.cluster.setAvailable(false);
  const second = acks.final(failed);
  over.abort(new ShardcastError("SHARDCAST_CLOSED", "over"));
  await expect(second).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
  acks.failed(1, "not said");
  world.cluster.setAvailable(true);
  await expect(acks.final(failed)).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
  expect(said()).toHaveLength(1);
});

test("of what has ended for everybody nothing is said", async () => {
  const { acks, said } = await open();
  await acks.final({ kind: "closed" });
  expect(said()).toEqual([]);
});
