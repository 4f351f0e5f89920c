import { readFileSync } from "node:fs";
import { ERROR_TABLE, type ErrorCode, ShardcastError } from "@shardcast/protocol";
import { expect, test } from "vitest";
import { Interrupted, UsageError } from "../src/errors.ts";
import { EXIT_CODES, exitOfError, exitOfVerdict } from "../src/exit-codes.ts";

const repository = new URL("../../../", import.meta.url);

test("no two ways to end have the same number", () => {
  const codes = Object.values(EXIT_CODES).map(({ code }) => code);
  expect(new Set(codes).size).toBe(codes.length);
});

test("docs/cli.md repeats the table", () => {
  const text = readFileSync(new URL("docs/cli.md", repository), "utf8");
  const rows = [...text.matchAll(/^\| (\d+) +\| `(\w+)` +\| (yes|no) +\| (.*?) +\|$/gm)];
  const documented = rows.map(([, code, name, again, meaning]) => [name, Number(code), again, meaning]);
  const table = Object.entries(EXIT_CODES).map(([name, { code, again, meaning }]) => [
    name,
    code,
    again ? "yes" : "no",
    meaning,
  ]);
  expect(documented).toEqual(table);
});

test("each verdict has its exit code, and none is a time-out", () => {
  const verdicts = ["satisfied", "partly", "failed", "open"] as const;
  expect(verdicts.map((verdict) => EXIT_CODES[exitOfVerdict(verdict)].code)).toEqual([0, 3, 4, 5]);
});

test.each<[ErrorCode, number]>([
  ["SHARDCAST_LOG_UNAVAILABLE", 6],
  ["SHARDCAST_OVERLOADED", 6],
  ["SHARDCAST_CLOSED", 6],
  ["SHARDCAST_NO_MEMBERS", 7],
  ["SHARDCAST_UNKNOWN_SERVICE", 7],
  ["SHARDCAST_IDEMPOTENCY_MISMATCH", 7],
  ["SHARDCAST_LOG_REFUSED", 7],
  ["SHARDCAST_DEADLINE_EXCEEDED", 5],
  ["SHARDCAST_ATTEMPTS_EXHAUSTED", 4],
  ["SHARDCAST_HANDLER_REFUSED", 4],
  ["SHARDCAST_INVALID_CONFIG", 2],
  ["SHARDCAST_INTERNAL", 1],
])("%s is exit code %d", (code, exit) => {
  expect(EXIT_CODES[exitOfError(new ShardcastError(code, "so it is"))].code).toBe(exit);
});

test("no error of the table ends as if all were well", () => {
  for (const code of Object.keys(ERROR_TABLE) as ErrorCode[]) {
    expect(exitOfError(new ShardcastError(code, "so it is")), code).not.toBe("satisfied");
  }
});

test("bad usage, signals and faults of ours have their own", () => {
  const errors = [
    new UsageError([]),
    new Interrupted("SIGINT"),
    new Interrupted("SIGTERM"),
    new TypeError("oh"),
  ];
  expect(errors.map((error) => EXIT_CODES[exitOfError(error)].code)).toEqual([2, 130, 143, 1]);
});
