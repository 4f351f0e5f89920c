import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { murmur2 } from "../src/index.ts";

interface Vectors {
  readonly vectors: readonly { readonly hex: string; readonly murmur2: number }[];
}

/** Made by Kafka's own Java client; murmur2.kafka.test.ts asks it again. */
const { vectors }: Vectors = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8"));

describe("murmur2", () => {
  test("gives the number that Kafka's Java client gives", () => {
    const ours = vectors.map(({ hex }) => ({ hex, murmur2: murmur2(Buffer.from(hex, "hex")) }));
    expect(ours).toEqual(vectors);
  });

  test("the vectors cover the empty key, every length of tail, bytes above 0x7f and the longest key", () => {
    const keys = vectors.map(({ hex }) => Buffer.from(hex, "hex"));
    const lengths = new Set(keys.map(({ length }) => length));
    expect([...Array(18).keys(), 4096].filter((length) => !lengths.has(length))).toEqual([]);
    expect(keys.filter((key) => key.some((byte) => byte >= 0x80)).length).toBeGreaterThan(30);
    expect(vectors.some(({ murmur2: hash }) => hash < 0)).toBe(true);
  });

  test("is a signed 32-bit integer of the bytes alone, wherever they lie", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(9), (bytes, shift) => {
        const hash = murmur2(bytes);
        expect(hash | 0).toBe(hash);
        const elsewhere = new Uint8Array(bytes.length + shift);
        elsewhere.set(bytes, shift);
        expect(murmur2(elsewhere.subarray(shift))).toBe(hash);
        expect(murmur2(Buffer.from(bytes))).toBe(hash);
      }),
    );
  });
});
