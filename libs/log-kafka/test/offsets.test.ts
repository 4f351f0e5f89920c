import type { Admin } from "kafkajs";
import { expect, test } from "vitest";
import type { AdminClient } from "../src/admin-client.ts";
import { classify } from "../src/classify.ts";
import { progressOf, rangesOf } from "../src/offsets.ts";

/** Calls as the admin client does, again for what passes by itself. */
function adminOf(client: Partial<Admin>): AdminClient {
  const call = async (_what: string, work: (admin: Admin) => Promise<unknown>): Promise<unknown> => {
    try {
      return await work(client as Admin);
    } catch (error) {
      if (classify(error) !== "moving") throw error;
      return work(client as Admin);
    }
  };
  return { call } as unknown as AdminClient;
}

const FETCHED = [{ topic: "t", partitions: [{ partition: 0, offset: "7", metadata: "m" }] }];

test.each([
  ["no partition", [{ topic: "t", partitions: [] }]],
  ["no topic", []],
])("C10: an answer with %s is asked for again, not taken for never committed", async (_, empty) => {
  const answers = [empty, FETCHED];
  const admin = adminOf({ fetchOffsets: async () => answers.shift() as never });
  expect(await progressOf(admin, "g", "t")).toEqual(new Map([[0, { lane: 0, offset: 7, metadata: "m" }]]));
});

test("an answer that stays empty is a fault, and one that waiting mends", async () => {
  const admin = adminOf({ fetchOffsets: async () => [] });
  await expect(progressOf(admin, "g", "t")).rejects.toMatchObject({ code: "SHARDCAST_LOG_UNAVAILABLE" });
});

test("what was never committed is left out, what is committed at 0 is not", async () => {
  const partitions = [
    { partition: 0, offset: "-1", metadata: null },
    { partition: 1, offset: "0", metadata: "" },
  ];
  const admin = adminOf({ fetchOffsets: async () => [{ topic: "t", partitions }] });
  expect(await progressOf(admin, "g", "t")).toEqual(new Map([[1, { lane: 1, offset: 0, metadata: "" }]]));
});

test("ranges of no partition are asked for again as well", async () => {
  const answers = [[], [{ partition: 0, offset: "9", low: "2", high: "9" }]];
  const admin = adminOf({ fetchTopicOffsets: async () => answers.shift() ?? [] });
  expect(await rangesOf(admin, "t")).toEqual([{ low: 2, high: 9 }]);
});
