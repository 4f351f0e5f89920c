import { createMemoryLog } from "@shardcast/log/memory";
import { encodeRequest } from "@shardcast/protocol";
import { createWorker } from "@shardcast/worker";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { placesOf, request, SERVICE, startWorld, topics } from "./support/world.ts";

test("C9: what a worker gave up is sent again to it, with attempts that go on counting, and then succeeds", async () => {
  const { cluster, log, open } = await startWorld({ lanes: 1 });
  const seen: [string, string, number][] = [];
  let mended = false;
  const worker = createWorker({
    log: createMemoryLog({ cluster }),
    service: SERVICE,
    lanes: 1,
    replicas: 1,
    member: "0",
    maxAttempts: 2,
    retryMinMs: 1,
    logger: pino({ level: "silent" }),
    handlers: {
      deposit(request, { attempt }) {
        seen.push([request.id, request.key, attempt]);
        if (request.key === "poison" && !mended) throw new Error("broken");
        return {};
      },
    },
  });
  onTestFinished(() => worker.stop());
  await worker.start();
  const send = (id: string, key: string) =>
    log.append({
      topic: topics.requests.name,
      partition: 0,
      ...encodeRequest(request({ id, key: Buffer.from(key) })),
    });
  await send("one", "poison");
  await send("two", "poison");
  const letters = await open();
  await expect.poll(() => placesOf(letters)).toHaveLength(2);
  mended = true;
  seen.length = 0;
  expect(await letters.redrive()).toMatchObject({ redriven: 2 });
  await expect
    .poll(() => seen)
    .toEqual([
      ["one", "poison", 3],
      ["two", "poison", 3],
    ]);
  expect(await placesOf(letters)).toEqual([]);
});
