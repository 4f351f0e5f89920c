import { javaAvailable, murmur2Java } from "@shardcast/infra-kafka";
import { expect, test } from "vitest";
import { murmur2 } from "../src/index.ts";
import { sampleKeys } from "./key-samples.ts";

test.skipIf(!(await javaAvailable()))(
  "murmur2 agrees with Kafka's Java client on more than 10,000 keys",
  async () => {
    const keys = sampleKeys(12_000);
    const theirs = await murmur2Java(keys);
    const differing = keys.filter((key, i) => murmur2(key) !== theirs[i]).map((key) => key.toString("hex"));
    expect(differing).toEqual([]);
    expect(theirs).toHaveLength(keys.length);
  },
);
