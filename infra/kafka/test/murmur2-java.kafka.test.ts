import { expect, test } from "vitest";
import { javaAvailable, murmur2Java } from "../src/index.ts";

// The values are those of Kafka's own UtilsTest.
test.skipIf(!(await javaAvailable()))(
  "the Java reference hashes as Kafka documents, the empty key too",
  async () => {
    const keys = ["21", "foobar", "a-little-bit-long-string", "", "a-little-bit-longer-string"];
    const hashes = await murmur2Java(keys.map((key) => Buffer.from(key)));
    expect([...hashes]).toEqual([-973932308, -790332482, -985981536, 275646681, -1486304829]);
  },
);
