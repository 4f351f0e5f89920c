import { callbackTopicsOf, decodeRequest, decodeResult } from "@shardcast/protocol";
import { expect, test } from "vitest";
import { commitsThrough } from "./support/commits.ts";
import { Stage } from "./support/stage.ts";
import { RESULTS, SERVICE, until, World } from "./support/world.ts";

const URL = "https://hook.example.com/answers";
const RECORDED = {
  id: "0193e4a0-0000-7000-8000-000000000000",
  recording: "outcome",
  callbackUrl: URL,
} as const;
const CALLBACKS = callbackTopicsOf(SERVICE).requests;

function owed(world: World) {
  return Array.from({ length: CALLBACKS.partitions }, (_, lane) => world.records(CALLBACKS.name, lane))
    .flat()
    .map((record) => decodeRequest(record, `${SERVICE}-callbacks`, "test"));
}

test("C3: the callback of a recorded request is in the commit that records its end, where its topic was missing, too", async () => {
  const world = await World.open();
  const stage = new Stage();
  const together: boolean[] = [];
  const log = commitsThrough(world, (work, session) => {
    const topics = new Set((work.records ?? []).map(({ topic }) => topic));
    if (topics.has(RESULTS)) together.push(topics.has(CALLBACKS.name) && (work.progress?.length ?? 0) > 0);
    return session.commit(work);
  });
  await world.start({ log, defaultHandler: stage.handler });
  await world.send("carol", "first", RECORDED);
  (await stage.started(1)).end("answer");
  await until(() => expect(owed(world)).toHaveLength(1));
  expect(together).toEqual([true]);
  const [callback] = owed(world);
  const result = decodeResult(world.records(RESULTS)[0] as never);
  expect(callback).toMatchObject({
    kind: "request",
    request: {
      key: Buffer.from("carol"),
      headers: { "callback-url": URL, "shardcast-request-id": RECORDED.id, "shardcast-status": "200" },
      body: result?.kind === "ended" ? result.body : undefined,
    },
  });
});

test("nobody is called back for a request that is sent again: its end is told already (C5)", async () => {
  const world = await World.open();
  const stage = new Stage();
  await world.start({ defaultHandler: stage.handler });
  await world.send("carol", "first", RECORDED);
  await world.send("carol", "first", { ...RECORDED, replyTo: { partition: 0, instance: "again" } });
  (await stage.started(1)).end("answer");
  await until(() => expect(world.replies()).toHaveLength(1));
  expect(owed(world)).toHaveLength(1);
});

test("a request whose answer and callback do not fit the log is told so in both", async () => {
  const world = await World.open();
  const stage = new Stage();
  await world.start({ defaultHandler: stage.handler });
  await world.send("carol", "first", RECORDED);
  (await stage.started(1)).end("x".repeat(1_100_000));
  await until(() => expect(owed(world)).toHaveLength(1));
  expect(owed(world)).toMatchObject([{ request: { headers: { "shardcast-request-state": "failed" } } }]);
});
