import { randomUUID } from "node:crypto";
import type { LogRecord } from "@shardcast/log";
import { createKafkaLog } from "@shardcast/log-kafka";
import { decodeRequest, encodeReply, encodeReplyFence, topicsOf } from "@shardcast/protocol";
import { murmur2Lane } from "@shardcast/routing";
import { pino } from "pino";
import { expect, inject, onTestFinished, test } from "vitest";
import { connect } from "../src/index.ts";
import { forgedMember, writeControl } from "./support/control.ts";

const SERVICE = "accounts";
const KEY = "42";
const LANES = 4;
const LANE = murmur2Lane(KEY, LANES);

/** A client and a log of somebody else, on topics of their own. */
async function start() {
  const topicPrefix = `client-${randomUUID()}.`;
  const logger = pino({ level: "silent" });
  const options = { brokers: inject("kafkaBrokers"), logger };
  const [mine, theirs] = [createKafkaLog(options, {}), createKafkaLog(options, {})];
  const topics = topicsOf(SERVICE, { lanes: LANES, prefix: topicPrefix });
  await theirs.ensureTopics(Object.values(topics));
  const client = await connect({ log: mine, topicPrefix });
  onTestFinished(async () => {
    await client.close();
    await Promise.all([mine.close(), theirs.close()]);
  });
  const member = forgedMember("0", "http://accounts-0");
  const write = (...records: Parameters<typeof writeControl>[3]) =>
    writeControl(theirs, SERVICE, "0", records, topicPrefix);
  return { client, log: theirs, topics, member, write };
}

test("on Kafka, the owner of a key and the shards are known, and watched as they change", async () => {
  const { client, member, write } = await start();
  expect(await client.owner(SERVICE, KEY)).toMatchObject({ lane: LANE, ordinal: LANE, state: "free" });
  const states = client.watch(SERVICE)[Symbol.asyncIterator]();
  expect((await states.next()).value).toMatchObject({ epoch: 0, members: [] });
  const [, token] = await write(member.up(), member.owned(LANE));
  // Both come at once, or one after the other.
  let shards = (await states.next()).value;
  if (shards?.lanes[LANE]?.state !== "owned") shards = (await states.next()).value;
  const owned = { state: "owned", member: "0", url: "http://accounts-0", fencingToken: token };
  expect(shards?.lanes[LANE]).toEqual({ lane: LANE, ordinal: LANE, ...owned });
  expect(await client.owner(SERVICE, KEY)).toMatchObject(owned);
  const ended = states.next();
  await client.close();
  expect(await ended).toEqual({ done: true, value: undefined });
});

test("on Kafka, C4: a lost owner's reply after the mark is dropped, and the rightful owner answers", async () => {
  const { client, log, topics } = await start();
  const { name: topic } = topics.requests;
  const received = Promise.withResolvers<LogRecord>();
  await log.openReader({
    topics: [topic],
    start: [{ topic, partition: LANE, from: "earliest" }],
    onRecords: (records) => received.resolve(records[0] as LogRecord),
  });
  const answer = client.request(SERVICE, KEY);
  const decoded = decodeRequest(await received.promise, SERVICE, "test");
  if (decoded.kind !== "request" || decoded.request.replyTo === undefined) throw new Error("odd request");
  const { id, replyTo } = decoded.request;
  const { partition, instance } = replyTo;
  const at = { topic: topics.replies.name, partition };
  const reply = (text: string, fencingToken: number) => ({
    ...at,
    ...encodeReply({ id, instance, status: 200, fencingToken, headers: {}, body: Buffer.from(text) }),
  });
  await log.append({ ...at, ...encodeReplyFence({ tokens: new Map([[LANE, 7]]) }) });
  await log.append(reply("zombie", 7));
  await log.append(reply("rightful", 8));
  expect((await answer).body.toString()).toBe("rightful");
  expect(client.staleReplies).toBe(1);
});
