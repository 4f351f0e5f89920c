import { encodeReplyFence, type RequestEnvelope } from "@shardcast/protocol";
import { murmur2Lane } from "@shardcast/routing";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { connectTo, LANES, REPLIES, SERVICE, startService } from "./support/service.ts";

const KEY = "42";
const LANE = murmur2Lane(KEY, LANES);
const OTHER_LANE = (LANE + 1) % LANES;

/** A request that waits, with replies of owners by token, and marks, all on the caller's partition in order. */
async function waiting() {
  const service = await startService();
  const lines: { level: number; id?: string; fencingToken?: number }[] = [];
  const logger = pino({ level: "warn" }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const client = await connectTo(service, { instance: "me", logger });
  const answer = client.request(SERVICE, KEY);
  const request = await service.received(1);
  const partition = request.replyTo?.partition as number;
  return {
    service,
    client,
    answer,
    lines,
    request,
    reply: (body: string, fencingToken?: number, to: RequestEnvelope = request) =>
      service.reply(to, {
        body: Buffer.from(body),
        ...(fencingToken === undefined ? {} : { fencingToken }),
      }),
    mark: (lane: number, token: number) =>
      service.log.append({
        topic: REPLIES,
        partition,
        ...encodeReplyFence({ tokens: new Map([[lane, token]]) }),
      }),
    append: (record: ReturnType<typeof encodeReplyFence>) =>
      service.log.append({ topic: REPLIES, partition, ...record }),
  };
}

describe("C4: the answer is the rightful owner's", () => {
  it.each([
    ["at the mark", 7],
    ["below it", 3],
  ])("drops a lost owner's reply after the mark, %s, and goes on waiting", async (_, token) => {
    const { client, answer, reply, mark, lines, request } = await waiting();
    await mark(LANE, 7);
    await reply("zombie", token);
    await reply("rightful", 8);
    expect((await answer).body.toString()).toBe("rightful");
    expect([client.staleReplies, client.pending]).toEqual([1, 0]);
    expect(lines).toMatchObject([{ level: 40, id: request.id, fencingToken: token }]);
  });

  it("takes what a lost owner replied before the mark", async () => {
    const { client, answer, reply, mark } = await waiting();
    await reply("in time", 7);
    await mark(LANE, 7);
    await reply("repeated", 8);
    expect((await answer).body.toString()).toBe("in time");
    expect(client.staleReplies).toBe(0);
  });

  it("does not mind the marks of other lanes", async () => {
    const { client, answer, reply, mark } = await waiting();
    await mark(OTHER_LANE, 99);
    await reply("mine", 7);
    expect((await answer).body.toString()).toBe("mine");
    expect(client.staleReplies).toBe(0);
  });

  it("takes a reply without a token, as older workers write them", async () => {
    const { answer, reply, mark } = await waiting();
    await mark(LANE, 7);
    await reply("older worker");
    expect((await answer).body.toString()).toBe("older worker");
  });

  it("keeps the highest mark of a lane, whatever order they come in", async () => {
    const { answer, reply, mark } = await waiting();
    await mark(LANE, 3);
    await mark(LANE, 7);
    await mark(LANE, 5);
    await reply("zombie", 6);
    await reply("rightful", 8);
    expect((await answer).body.toString()).toBe("rightful");
  });

  it("takes a token for a lane's, also where another lane's request has the same", async () => {
    const { service, client, answer, reply, mark } = await waiting();
    const key = ["1", "2", "3", "4", "5", "6"].find(
      (each) => murmur2Lane(each, LANES) === OTHER_LANE,
    ) as string;
    const other = client.request(SERVICE, key);
    const otherRequest = await service.received(2);
    await mark(LANE, 7);
    await reply("zombie", 7);
    await reply("other lane", 7, otherRequest);
    await reply("rightful", 8);
    expect((await other).body.toString()).toBe("other lane");
    expect((await answer).body.toString()).toBe("rightful");
  });

  it("does not mind marks that are none, and lanes that are not there", async () => {
    const { client, answer, reply, append, mark } = await waiting();
    const fence = encodeReplyFence({ tokens: new Map([[LANE, 99]]) });
    await append({ ...fence, headers: { ...fence.headers, "sc-version": Buffer.from([99]) } });
    await append({ ...fence, value: Buffer.from(`{"${LANE}":"99"}`) });
    await append({ ...fence, value: Buffer.from("null") });
    await append({ ...fence, value: null });
    await mark(LANES, 99);
    await reply("mine", 7);
    expect((await answer).body.toString()).toBe("mine");
    expect(client.staleReplies).toBe(0);
  });
});
