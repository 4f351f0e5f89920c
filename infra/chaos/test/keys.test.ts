import { murmur2Lane } from "@shardcast/routing";
import { expect, test } from "vitest";
import { spreadKeys } from "../src/load/keys.ts";

test("keys are different ones and spread over all lanes alike", () => {
  const keys = spreadKeys(200, 24);
  expect(new Set(keys).size).toBe(200);
  const onLane = Map.groupBy(keys, (key) => murmur2Lane(key, 24));
  expect(onLane.size).toBe(24);
  for (const ofLane of onLane.values()) expect(ofLane.length).toBeLessThanOrEqual(9);
});
