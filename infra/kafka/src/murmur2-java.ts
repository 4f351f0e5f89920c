import { runKafkaTool } from "./kafka-tool.ts";
import { murmur2Source } from "./paths.ts";
import { tail } from "./run-process.ts";

/** What Kafka's Java client computes for these keys: the reference our own murmur2 is held against. */
export async function murmur2Java(keys: readonly Buffer[]): Promise<Int32Array> {
  const input = keys.map((key) => `${key.toString("hex")}\n`).join("");
  const { code, stdout, stderr } = await runKafkaTool(murmur2Source, [], { input });
  if (code !== 0)
    throw new Error(`Murmur2.java failed (it needs a JDK, a JRE is not enough):\n${tail(stderr)}`);
  const hashes = stdout.split("\n").slice(0, -1);
  if (hashes.length !== keys.length) {
    throw new Error(`Murmur2.java printed ${hashes.length} hashes for ${keys.length} keys`);
  }
  return Int32Array.from(hashes, Number);
}
