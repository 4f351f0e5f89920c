import { expect, test } from "vitest";
import { DeadLettersByService } from "../src/index.ts";
import { recordOf, SERVICE, startWorld } from "./support/world.ts";

test("the letters of a service are opened once for all who ask, and closed with the rest", async () => {
  const { log, bury } = await startWorld();
  await bury(0, recordOf());
  const all = new DeadLettersByService({ log });
  const [one, other] = await Promise.all([all.of(SERVICE), all.of(SERVICE)]);
  expect(one).toBe(other);
  expect((await one.list()).letters).toHaveLength(1);
  await all.close();
  await expect(one.list()).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
  await expect(new DeadLettersByService({ log }).of(SERVICE)).resolves.toBeDefined();
});

test("a service without a topic of dead letters is unknown, until it has one", async () => {
  const { log } = await startWorld();
  const all = new DeadLettersByService({ log });
  await expect(all.of("orders")).rejects.toMatchObject({ code: "SHARDCAST_UNKNOWN_SERVICE" });
  await log.ensureTopics([{ name: "orders.dead", partitions: 1, cleanup: "delete" }]);
  expect(await (await all.of("orders")).list()).toEqual({ letters: [] });
  await all.close();
});

test("what is being opened when everything is closed ends closed", async () => {
  const { log } = await startWorld();
  const all = new DeadLettersByService({ log });
  const opening = all.of(SERVICE);
  await all.close();
  await expect(opening).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
  await expect(all.of("orders")).rejects.toMatchObject({ code: "SHARDCAST_CLOSED" });
});
