import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { keyBytes, laneOf, moduloLane, murmur2, murmur2Lane } from "../src/index.ts";

const keys = fc.oneof(fc.string({ unit: "binary" }), fc.uint8Array({ maxLength: 64 }));
const laneCounts = fc.integer({ min: 1, max: 10_000 });
const badLaneCounts = [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53];

describe("murmur2 strategy", () => {
  test("every key has a lane, and it is Kafka's: (murmur2 & 0x7fffffff) % lanes", () => {
    fc.assert(
      fc.property(keys, laneCounts, (key, lanes) => {
        const lane = murmur2Lane(key, lanes);
        expect(Number.isInteger(lane) && lane >= 0 && lane < lanes).toBe(true);
        expect(BigInt(lane)).toBe(BigInt.asUintN(31, BigInt(murmur2(keyBytes(key)))) % BigInt(lanes));
      }),
    );
  });

  test("a string and its UTF-8 bytes are the same key", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), laneCounts, (key, lanes) => {
        expect(murmur2Lane(Buffer.from(key, "utf8"), lanes)).toBe(murmur2Lane(key, lanes));
      }),
    );
  });

  test("keys spread over all lanes", () => {
    const counts = Array(12).fill(0);
    for (let i = 0; i < 12_000; i++) counts[murmur2Lane(`account-${i}`, 12)]++;
    expect(Math.min(...counts)).toBeGreaterThan(800);
    expect(Math.max(...counts)).toBeLessThan(1_200);
  });
});

describe("modulo strategy", () => {
  test("is the key mod the number of lanes, for numbers of any length", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 256n - 1n }), laneCounts, (number, lanes) => {
        expect(moduloLane(String(number), lanes)).toBe(Number(number % BigInt(lanes)));
      }),
    );
    expect(moduloLane("9".repeat(256), 7)).toBe(Number((10n ** 256n - 1n) % 7n));
    expect(moduloLane("0007", 4)).toBe(3);
  });

  test("takes the digits as bytes too", () => {
    expect(moduloLane(Buffer.from("4711"), 10)).toBe(1);
  });

  test.each([
    ["nothing", ""],
    ["a sign", "-1"],
    ["a fraction", "1.5"],
    ["an exponent", "1e3"],
    ["hexadecimal digits", "0x10"],
    ["spaces", " 1"],
    ["a line feed at the end", "1\n"],
    ["digits of another script", "٣"],
    ["more than 256 digits", "1".repeat(257)],
    ["bytes that are no digits", Buffer.from([0xff, 0x31])],
  ])("refuses %s", (_, key) => {
    expect(() => moduloLane(key, 4)).toThrow(RangeError);
  });
});

describe("laneOf", () => {
  test("is murmur2 unless told otherwise", () => {
    expect(laneOf("4711", 12)).toBe(murmur2Lane("4711", 12));
    expect(laneOf("4711", 12, "murmur2")).toBe(murmur2Lane("4711", 12));
    expect(laneOf("4711", 12, "modulo")).toBe(4711 % 12);
  });

  test.each(badLaneCounts)("refuses %s lanes, whatever the strategy", (lanes) => {
    expect(() => laneOf("1", lanes, "murmur2")).toThrow(RangeError);
    expect(() => laneOf("1", lanes, "modulo")).toThrow(RangeError);
  });
});

describe("keyBytes", () => {
  test("leaves bytes as they are", () => {
    const bytes = Uint8Array.of(1, 2, 255);
    expect(keyBytes(bytes)).toBe(bytes);
  });
});
