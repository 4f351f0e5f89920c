import { expect, inject, test } from "vitest";
import { appendTexts, makeTopic, openLog } from "./support/kafka.ts";

const MAX_WAIT_MS = 5_000;

test.each(["committed", "uncommitted"] as const)(
  "a reader of what is %s that starts at once does not wait for a second request",
  async (isolation) => {
    const { log, lines } = openLog(inject("kafkaBrokers"));
    const topic = await makeTopic(log, 3);
    for (const partition of [0, 1, 2]) await appendTexts(log, topic, partition, ["a"]);
    const delivered = new Map<number, number>();
    const all = Promise.withResolvers<void>();
    const reader = await log.openReader({
      topics: [topic],
      isolation,
      maxWaitMs: MAX_WAIT_MS,
      start: [0, 1].map((partition) => ({ topic, partition, from: "earliest" as const })),
      onRecords([record]) {
        delivered.set(record?.partition ?? -1, Date.now());
        if (delivered.size === 2) all.resolve();
      },
    });
    await all.promise;
    const joined = lines.find(({ msg }) => msg === "Consumer has joined the group")?.time as number;
    for (const at of delivered.values()) expect(at - joined).toBeLessThan(MAX_WAIT_MS / 5);
    await reader.close();
  },
  30_000,
);
