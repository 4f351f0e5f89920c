import { describe, expect, test } from "vitest";
import {
  ACK_PARTITIONS,
  broadcastGroupOf,
  broadcastTopicsOf,
  groupOf,
  REPLY_PARTITIONS,
  topicsOf,
} from "../src/index.ts";

describe("the topics of a service", () => {
  test("requests and dead letters are aligned with the lanes, replies are not", () => {
    const { requests, replies, dead } = topicsOf("accounts", { lanes: 24 });
    expect(requests).toMatchObject({ name: "accounts.requests", partitions: 24, cleanup: "delete" });
    expect(replies).toMatchObject({
      name: "accounts.replies",
      partitions: REPLY_PARTITIONS,
      cleanup: "delete",
    });
    expect(dead).toMatchObject({ name: "accounts.dead", partitions: 24, cleanup: "delete" });
  });

  test("replies are kept short and dead letters long; requests as the broker keeps them", () => {
    const { requests, replies, dead } = topicsOf("accounts", { lanes: 1 });
    expect(requests.retentionMs).toBeUndefined();
    expect(dead.retentionMs ?? 0).toBeGreaterThan((replies.retentionMs ?? Number.NaN) * 24);
  });

  test("control has one partition, so that everybody agrees on an order (C2), and keeps the newest of each key", () => {
    const { control } = topicsOf("accounts", { lanes: 24 });
    expect(control).toMatchObject({ name: "accounts.control", partitions: 1, cleanup: "compact" });
    // Segments must close for compaction to begin at all, and the last minutes stay as they were written.
    expect(control.segmentMs ?? 0).toBeGreaterThan(0);
    expect(control.minCompactionLagMs ?? 0).toBeGreaterThanOrEqual(60_000);
  });

  test("carry the prefix", () => {
    const names = Object.values(topicsOf("accounts", { lanes: 1, prefix: "prod." })).map(({ name }) => name);
    expect(names).toEqual([
      "prod.accounts.requests",
      "prod.accounts.replies",
      "prod.accounts.control",
      "prod.accounts.results",
      "prod.accounts.dead",
    ]);
    expect(groupOf("accounts", "prod.")).toBe("prod.accounts");
    expect(groupOf("accounts")).toBe("accounts");
  });

  test("of a bad name are refused", () => {
    expect(() => topicsOf("Accounts", { lanes: 1 })).toThrow(
      expect.objectContaining({ code: "SHARDCAST_INVALID_REQUEST" }),
    );
  });
});

describe("the topics of broadcasts", () => {
  test("C6: broadcasts have one partition, so that they are in one order for everybody, and acks a few", () => {
    const { broadcast, acks } = broadcastTopicsOf("accounts", { prefix: "prod." });
    expect(broadcast).toMatchObject({ name: "prod.accounts.broadcast", partitions: 1, cleanup: "delete" });
    // Never compacted: of a member's words the first final one counts.
    expect(acks).toMatchObject({ name: "prod.accounts.acks", partitions: ACK_PARTITIONS, cleanup: "delete" });
  });

  test("are kept as long as each other, by segments that are a small part of it", () => {
    const { broadcast, acks } = broadcastTopicsOf("accounts", { retentionMs: 12_000 });
    expect([broadcast.retentionMs, acks.retentionMs]).toEqual([12_000, 12_000]);
    expect([broadcast.segmentMs, acks.segmentMs]).toEqual([1_000, 1_000]);
  });

  test("a member's progress has a group of its own", () => {
    expect(broadcastGroupOf("accounts", "2", "prod.")).toBe("prod.accounts.broadcast.2");
    expect(broadcastGroupOf("accounts", "2")).not.toBe(groupOf("accounts"));
  });

  test("of a bad name are refused", () => {
    expect(() => broadcastTopicsOf("Accounts")).toThrow(
      expect.objectContaining({ code: "SHARDCAST_INVALID_REQUEST" }),
    );
  });
});
