import fc from "fast-check";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import {
  assertHandlerName,
  assertKeyLength,
  assertServiceName,
  isHandlerName,
  isRequestId,
  isServiceName,
  MAX_HANDLER_LENGTH,
  MAX_KEY_BYTES,
  newId,
} from "../src/index.ts";

describe("a service name", () => {
  test.each(["a", "7", "accounts", "a-b", "a".repeat(63)])("may be %s", (name) => {
    expect(isServiceName(name)).toBe(true);
    assertServiceName(name);
  });

  test.each(["", "-a", "a-", "A", "a.b", "a_b", "ä", "a\n", "a".repeat(64)])("may not be %j", (name) => {
    expect(isServiceName(name)).toBe(false);
    expect(() => assertServiceName(name)).toThrow(
      expect.objectContaining({ code: "SHARDCAST_INVALID_REQUEST" }),
    );
  });
});

describe("a handler name", () => {
  test.each(["", "deposit", "a/b/c", "größe", "h".repeat(MAX_HANDLER_LENGTH)])("may be %j", (name) => {
    expect(isHandlerName(name)).toBe(true);
    assertHandlerName(name);
  });

  test.each(["a\n", "\u0000", "\u007f", "h".repeat(MAX_HANDLER_LENGTH + 1)])("may not be %j", (name) => {
    expect(isHandlerName(name)).toBe(false);
    expect(() => assertHandlerName(name)).toThrow(
      expect.objectContaining({ code: "SHARDCAST_INVALID_REQUEST" }),
    );
  });
});

test("a key has at most 4,096 bytes", () => {
  expect(MAX_KEY_BYTES).toBe(4096);
  assertKeyLength(Buffer.alloc(4096));
  expect(() => assertKeyLength(Buffer.alloc(4097))).toThrow(
    expect.objectContaining({ code: "SHARDCAST_INVALID_KEY" }),
  );
});

describe("an id", () => {
  test("is new every time and is recognised", () => {
    const ids = Array.from({ length: 1_000 }, () => newId());
    expect(new Set(ids).size).toBe(1_000);
    expect(ids.every(isRequestId)).toBe(true);
  });

  test("grows from millisecond to millisecond", () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const ids = Array.from({ length: 1_000 }, () => {
      vi.advanceTimersByTime(1);
      return newId();
    });
    expect(ids).toEqual(ids.toSorted());
  });

  test("shares no random bits with the one before", () => {
    const randomBits = (id: string) => id.replaceAll("-", "").slice(13);
    const ids = Array.from({ length: 1_000 }, () => randomBits(newId()));
    expect(new Set(ids.map((bits) => bits.slice(0, 8))).size).toBeGreaterThan(990);
    expect(new Set(ids.map((bits) => bits.slice(-8))).size).toBeGreaterThan(990);
  });

  test("is no other text, and no other kind of UUID", () => {
    fc.assert(fc.property(fc.string(), (text) => !isRequestId(text)));
    fc.assert(fc.property(fc.uuid({ version: 4 }), (uuid) => !isRequestId(uuid)));
  });
});
