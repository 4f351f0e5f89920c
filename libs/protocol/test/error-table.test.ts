import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ERROR_TABLE, isErrorCode, isShardcastError, ShardcastError } from "../src/index.ts";

const DOCS = new URL("../../../docs/errors.md", import.meta.url);

/** The rows of the documentation's table, cell by cell. */
function documented(): string[][] {
  const lines = readFileSync(DOCS, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("|") && !/^[|: -]+$/.test(line));
  return lines.map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

describe("docs/errors.md", () => {
  test("says what the table of errors says, cell by cell, and has no row too many", () => {
    const table = Object.entries(ERROR_TABLE).map(([code, { status, retryable, meaning }]) => [
      `\`${code}\``,
      String(status),
      retryable ? "yes" : "no",
      meaning,
    ]);
    expect(documented()).toEqual([["code", "status", "retryable", "meaning"], ...table]);
  });
});

describe("the table of errors", () => {
  test.each(Object.entries(ERROR_TABLE))("%s is well formed", (code, row) => {
    expect(code).toMatch(/^SHARDCAST_[A-Z]+(_[A-Z]+)*$/);
    expect(row.status).toBeGreaterThanOrEqual(400);
    expect(row.status).toBeLessThan(600);
    expect(row.title).toMatch(/^[A-Z][^.]*$/);
    expect(row.meaning).toMatch(/\.$/);
    expect(row.meaning).not.toContain("|"); // it stands in a Markdown table
  });

  test("knows its codes and nothing inherited", () => {
    expect(isErrorCode("SHARDCAST_LANE_BUSY")).toBe(true);
    for (const other of ["SHARDCAST_NOT_ONE", "", "toString", "__proto__"])
      expect(isErrorCode(other)).toBe(false);
  });
});

describe("ShardcastError", () => {
  test("takes status and retryable from its row; the thrower may choose the status", () => {
    const busy = new ShardcastError("SHARDCAST_LANE_BUSY", "lane 3");
    expect(busy).toMatchObject({
      code: "SHARDCAST_LANE_BUSY",
      status: 429,
      retryable: true,
      message: "lane 3",
    });
    expect(busy).toBeInstanceOf(Error);
    expect(new ShardcastError("SHARDCAST_HANDLER_REFUSED", "no", { status: 409 }).status).toBe(409);
  });

  test("keeps its cause, and has none where none was given", () => {
    const cause = new Error("socket");
    expect(new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "x", { cause }).cause).toBe(cause);
    expect(Object.hasOwn(new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "x"), "cause")).toBe(false);
  });

  test("is recognised by its brand, also one of another copy of the package", () => {
    const ofAnotherCopy = { [Symbol.for("shardcast.error")]: true, code: "SHARDCAST_FENCED" };
    expect(isShardcastError(ofAnotherCopy)).toBe(true);
    for (const other of [new Error("x"), null, undefined, "SHARDCAST_FENCED", { code: "SHARDCAST_FENCED" }]) {
      expect(isShardcastError(other)).toBe(false);
    }
  });
});
