import { randomUUID } from "node:crypto";
import { openDirectory } from "@shardcast/control";
import type { Log } from "@shardcast/log";
import { createKafkaLog } from "@shardcast/log-kafka";
import {
  type AckRecord,
  ackPartitionOf,
  broadcastTopicsOf,
  type ControlRecord,
  encodeAck,
  encodeControl,
  topicsOf,
} from "@shardcast/protocol";
import { pino } from "pino";
import { expect, inject, onTestFinished, test, vi } from "vitest";
import { type Broadcasts, openBroadcasts } from "../src/index.ts";
import { acked, failed, map, running } from "./support/records.ts";

const MEMBERS = 64;
const BROADCASTS = 20;
const DRAFT = { handler: "reload", body: Buffer.from("rates") };
const PATIENT = { timeout: 60_000, interval: 20 };

function openLog(): Log {
  const log = createKafkaLog({ brokers: inject("kafkaBrokers"), logger: pino({ level: "silent" }) }, {});
  onTestFinished(() => log.close());
  return log;
}

/** What another process knows. */
async function follow(service: string, keeper = false): Promise<Broadcasts> {
  const log = openLog();
  const directory = await openDirectory(log, { service });
  const broadcasts = await openBroadcasts(log, { service, directory, replicas: 1, keeper });
  onTestFinished(async () => {
    await broadcasts.close();
    await directory.close();
  });
  return broadcasts;
}

test("C6: broadcasts are published, acknowledged and ended, and every process says the same of them, after a restart as well", async () => {
  const service = `s-${randomUUID()}`;
  const log = openLog();
  const topics = broadcastTopicsOf(service);
  const { control } = topicsOf(service, { lanes: 1 });
  await log.ensureTopics([topics.broadcast, topics.acks, control]);
  const tell = (record: ControlRecord) =>
    log.append({ topic: control.name, partition: 0, ...encodeControl(record) });
  const say = (id: string, word: AckRecord) =>
    log.append({ topic: topics.acks.name, partition: ackPartitionOf(id) ?? 0, ...encodeAck(word) });

  await tell(map(1, MEMBERS));
  const one = await follow(service, true);
  const two = await follow(service, true);
  const ids: string[] = [];
  for (let i = 0; i < BROADCASTS; i++) {
    const begunMs = performance.now();
    const { status } = await (i % 2 === 0 ? one : two).publish(DRAFT);
    ids.push(status.id);
    expect(status.members).toHaveLength(MEMBERS);
    const allButLast = Array.from({ length: MEMBERS - 1 }, (_, member) => String(member));
    await Promise.all(allButLast.map((member) => say(status.id, acked(status.id, member))));
    await say(status.id, running(status.id, String(MEMBERS - 1)));
    if (i % 3 === 0) await say(status.id, failed(status.id, String(MEMBERS - 1)));
    if (i === 0)
      console.log(`one broadcast and its ${MEMBERS} acks: ${Math.round(performance.now() - begunMs)} ms`);
  }
  await tell(map(2, MEMBERS - 1)); // the last one is removed
  const ended = (broadcasts: Broadcasts) =>
    ids.every((id) => (broadcasts.get(id)?.verdict ?? "open") !== "open");
  await vi.waitFor(() => expect([ended(one), ended(two)]).toEqual([true, true]), PATIENT);

  const replay = { ...DRAFT, idempotencyKey: "job-1" };
  const [first, second] = await Promise.all([one.publish(replay), two.publish(replay)]);
  expect(first.status.id).toBe(second.status.id);
  expect([first.replayed, second.replayed].filter(Boolean)).toHaveLength(1);
  await two.cancel(first.status.id);
  const redriven = await one.redrive(first.status.id, { ttlMs: 500, ack: { kind: "quorum" } });
  expect(redriven.status).toMatchObject({ redriveOf: first.status.id, ack: "quorum" });
  ids.push(first.status.id, redriven.status.id);
  await vi.waitFor(() => expect([ended(one), ended(two)]).toEqual([true, true]), PATIENT);

  const restarted = await follow(service);
  await restarted.restored;
  for (const [i, id] of ids.entries()) {
    expect(two.get(id)).toEqual(one.get(id));
    expect(restarted.get(id)).toEqual(one.get(id));
    for (const seq of [0, 1, 10, 64, 65]) expect(restarted.since(id, seq)).toEqual(one.since(id, seq));
    if (i < BROADCASTS) expect(one.get(id)?.verdict).toBe(i % 3 === 0 ? "partly" : "satisfied");
  }
  expect(one.get(first.status.id)).toMatchObject({ verdict: "failed", reason: "cancelled" });
  expect(one.get(redriven.status.id)).toMatchObject({ verdict: "failed", reason: "expired" });
  expect(restarted.size).toBe(ids.length);
}, 180_000);
