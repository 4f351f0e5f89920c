import { MAX_METADATA_BYTES } from "@shardcast/log";
import { expect, test } from "vitest";
import { newSessionId, STAMP_BYTES, stamp, unstamp } from "../src/stamp.ts";

test("metadata comes back with the session that wrote it", () => {
  const sessionId = newSessionId();
  for (const metadata of ["", "x", "a:b:c", ":"]) {
    expect(unstamp(stamp(sessionId, metadata))).toEqual({ sessionId, metadata });
  }
});

test("each session has an id of its own, of the same length and without a colon", () => {
  const ids = Array.from({ length: 100 }, newSessionId);
  expect(new Set(ids).size).toBe(100);
  for (const id of ids) expect(id).toMatch(/^[\w-]{8}$/);
});

test("what somebody else committed is nobody's and says nothing", () => {
  for (const text of ["", "hello", ":", "short:x", "longer-than-ours:x"]) {
    expect(unstamp(text)).toEqual({ sessionId: "", metadata: "" });
  }
});

test("the longest metadata fits into Kafka's default bound with its stamp", () => {
  const longest = stamp(newSessionId(), "m".repeat(MAX_METADATA_BYTES));
  expect(longest.length).toBe(MAX_METADATA_BYTES + STAMP_BYTES);
  expect(longest.length).toBeLessThanOrEqual(4_096);
});
