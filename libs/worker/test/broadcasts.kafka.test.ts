import { randomUUID } from "node:crypto";
import type { Log } from "@shardcast/log";
import { createKafkaLog } from "@shardcast/log-kafka";
import {
  type AckRecord,
  broadcastGroupOf,
  broadcastTopicsOf,
  decodeAck,
  decodeControl,
  type ExpectedMember,
  encodeBroadcast,
  newBroadcastId,
  topicsOf,
} from "@shardcast/protocol";
import { pino } from "pino";
import { expect, inject, onTestFinished, test, vi } from "vitest";
import { createSubscriber, createWorker, type Worker } from "../src/index.ts";

const logger = pino({ level: "silent" });
const ALL = ["0", "1", "2"].map((member) => ({ member }));
const WAIT = { timeout: 60_000, interval: 20 };

function openLog(): Log {
  const log = createKafkaLog({ brokers: inject("kafkaBrokers"), logger }, {});
  onTestFinished(() => log.close());
  return log;
}

/** A service with three members and a look at what they say. */
async function open() {
  const service = `s-${randomUUID()}`;
  const { broadcast, acks: acksTopic } = broadcastTopicsOf(service);
  const log = openLog();
  const heard: string[] = [];

  const start = async (member: number): Promise<Worker> => {
    const options = { service, replicas: 3, member, podUid: `p-${member}`, commitIntervalMs: 50, logger };
    const worker = createWorker({ ...options, defaultHandler: () => {}, log: openLog() }, {});
    onTestFinished(() => void worker.stop());
    worker.onBroadcast("", (message) => {
      heard.push(`${member}:${message.text()}`);
      return `by ${member}`;
    });
    await worker.start();
    return worker;
  };
  const announce = async (body: string, expected: readonly ExpectedMember[] = ALL) => {
    const id = newBroadcastId();
    const acceptedMs = Date.now();
    const record = encodeBroadcast({
      ...{ id, service, handler: "", headers: {}, body: Buffer.from(body), ack: { kind: "all" }, epoch: 1 },
      ...{ acceptedMs, expiresMs: acceptedMs + 600_000, expected, targeted: false },
    });
    const { offset } = await log.append({ topic: broadcast.name, partition: 0, ...record });
    return { id, offset };
  };
  const follow = async (): Promise<AckRecord[]> => {
    const acks: AckRecord[] = [];
    const reader = await log.openReader({
      topics: [acksTopic.name],
      isolation: "uncommitted",
      start: partitions(acksTopic.partitions).map((partition) => ({
        topic: acksTopic.name,
        partition,
        from: "earliest",
      })),
      onRecords: (records) => acks.push(...records.map(decodeAck).filter((each) => each !== undefined)),
    });
    onTestFinished(() => reader.close());
    return acks;
  };
  const committed = async (member: string): Promise<number | undefined> => {
    const group = broadcastGroupOf(service, member);
    return (await log.progressOf(group, broadcast.name)).get(0)?.offset;
  };
  return { service, log, heard, start, announce, follow, committed };
}

function partitions(count: number): number[] {
  return Array.from({ length: count }, (_, partition) => partition);
}

function whoAcked(acks: readonly AckRecord[], id: string): string[] {
  return acks.flatMap((each) => (each.kind === "acked" && each.id === id ? [each.author.member] : [])).sort();
}

test("C6: all members act; one that was down when it was sent acts when it is back, once, and its group's offset says so", async () => {
  const { heard, start, announce, follow, committed } = await open();
  const [, , third] = await Promise.all([start(0), start(1), start(2)]);
  const acks = await follow();
  const first = await announce("one");
  await vi.waitFor(() => expect(whoAcked(acks, first.id)).toEqual(["0", "1", "2"]), WAIT);
  await third.stop();
  expect(await committed("2")).toBe(first.offset + 1);

  const second = await announce("two");
  await vi.waitFor(() => expect(whoAcked(acks, second.id)).toEqual(["0", "1"]), WAIT);
  expect(await committed("2")).toBe(first.offset + 1);
  await start(2);
  await vi.waitFor(() => expect(whoAcked(acks, second.id)).toEqual(["0", "1", "2"]), WAIT);
  await vi.waitFor(async () => expect(await committed("2")).toBe(second.offset + 1), WAIT);
  expect([...heard].sort()).toEqual(["0:one", "0:two", "1:one", "1:two", "2:one", "2:two"]);

  const reply = acks.find(
    (each) => each.kind === "acked" && each.id === second.id && each.author.member === "2",
  );
  expect(reply).toMatchObject({ status: 200, body: Buffer.from("by 2") });
  const tokens = acks.flatMap((each) => (each.kind === "joined" && each.member === "2" ? [each.token] : []));
  const newest = Math.max(...tokens);
  expect(tokens.filter((token) => token === newest)).toHaveLength(4);
  expect(reply).toMatchObject({ author: { token: newest } });
}, 180_000);

test("C6: a second process of a member takes its broadcasts over, and the position with them", async () => {
  const { heard, start, announce, follow, committed } = await open();
  const older = await start(0);
  const acks = await follow();
  const only = [{ member: "0" }];
  const first = await announce("one", only);
  await vi.waitFor(() => expect(whoAcked(acks, first.id)).toEqual(["0"]), WAIT);
  await vi.waitFor(async () => expect(await committed("0")).toBe(first.offset + 1), WAIT);
  await start(0);
  expect(await older.ended).toEqual({ reason: "fenced" });
  const second = await announce("two", only);
  await vi.waitFor(async () => expect(await committed("0")).toBe(second.offset + 1), WAIT);
  expect(heard).toEqual(["0:one", "0:two"]);
  expect(whoAcked(acks, second.id)).toEqual(["0"]);
}, 180_000);

test("C6: an ephemeral member takes part as long as it lives", async () => {
  const { service, log, announce, follow } = await open();
  const subscriber = createSubscriber({ service, member: "web-x", log: openLog(), logger }, {});
  onTestFinished(() => void subscriber.stop());
  subscriber.onBroadcast("", () => "heard", { order: "concurrent" });
  await subscriber.start();
  const acks = await follow();
  const control = topicsOf(service, { lanes: 1 }).control.name;
  const said: ReturnType<typeof decodeControl>[] = [];
  const reader = await log.openReader({
    topics: [control],
    isolation: "uncommitted",
    start: [{ topic: control, partition: 0, from: "earliest" }],
    onRecords: (records) => said.push(...records.map(decodeControl)),
  });
  onTestFinished(() => reader.close());
  await vi.waitFor(() => expect(said.length).toBeGreaterThan(1), WAIT); // it goes on saying so
  const [beat] = said;
  if (beat?.kind !== "beat") return expect.unreachable(`it said ${beat?.kind}`);
  const { id } = await announce("", [{ member: "web-x", incarnation: beat.incarnation }]);
  await vi.waitFor(() => expect(whoAcked(acks, id)).toEqual(["web-x"]), WAIT);
  await subscriber.stop();
  await vi.waitFor(() => expect(said.at(-1)).toEqual({ kind: "gone", member: "web-x" }), WAIT);
}, 180_000);
