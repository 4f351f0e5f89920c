import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { frame } from "../src/render/frame.ts";
import { NO_STYLE } from "../src/render/style.ts";
import { table } from "../src/render/table.ts";
import { fit, plain, stretch, widthOf } from "../src/render/text.ts";
import { ACCEPTED_MS, acked, failed, ID, member, retrying, scripted, status } from "./support/broadcasts.ts";
import { run } from "./support/world.ts";

const nowMs = ACCEPTED_MS + 5_000;
const options = { columns: 100, rows: 30, nowMs, style: NO_STYLE };

test("a picture has a line for each member in the order of their numbers, and counts them", () => {
  const members = [acked("10"), failed("2"), retrying("1"), member("0")];
  expect(frame(status(members), options).split("\n")).toEqual([
    `accounts reload ${ID}: 4 members, ack all, ttl 1h00m`,
    "· 0   waiting                for 5.0s",
    "↻ 1   retrying   attempt 2   for 4.0s      no disk yet",
    "✖ 2   failed     attempt 3   after 2.0s    ATTEMPTS_EXHAUSTED: no disk",
    "✔ 10  acked      attempt 1   after 400ms",
    "open (not decided yet): 1 of 4 members acknowledged, 1 failed, 1 retrying, 1 waiting",
  ]);
});

test("a terminal that is too low shows who has not done it first, and counts the others (C7)", () => {
  const many = Array.from({ length: 60 }, (_, ordinal) => acked(String(ordinal)));
  const members = [...many, failed("60"), retrying("61"), member("62")];
  expect(frame(status(members), { ...options, rows: 7 }).split("\n")).toEqual([
    expect.stringContaining("63 members"),
    expect.stringContaining("✖ 60"),
    expect.stringContaining("↻ 61"),
    expect.stringContaining("· 62"),
    "… and 60 more: 60 acked",
    expect.stringContaining("60 of 63 members acknowledged"),
  ]);
});

test("no picture is higher or wider than its terminal, whatever members are called and say (C7)", {
  timeout: 60_000,
}, () => {
  const names = fc.string({ unit: "grapheme", minLength: 1, maxLength: 50 });
  const reasons = fc.string({ unit: "binary", maxLength: 100 });
  const said = fc.tuple(names, reasons, fc.constantFrom(failed, retrying));
  const members = fc.array(
    said.map(([name, reason, make]) => make(name, reason)),
    { maxLength: 25 },
  );
  fc.assert(
    fc.property(
      members,
      fc.integer({ min: 1, max: 120 }),
      fc.integer({ min: 5, max: 30 }),
      (all, columns, rows) => {
        const lines = frame(status(all), { ...options, columns, rows }).split("\n");
        // The last line is the cursor's.
        expect(lines.length).toBeLessThanOrEqual(rows - 1);
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns);
      },
    ),
    { numRuns: 50 },
  );
});

test("what a member says can not reach the terminal as a control sequence", () => {
  const evil = retrying("\u001b[2J1\n2", "\u001b]0;owned\u0007\r\nline\u202e two");
  const shown = frame(status([evil]), options);
  expect(shown.split("\n")).toHaveLength(3);
  expect(stripVTControlCharacters(shown)).toBe(shown);
  expect(shown.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(table(["A"], [["x\u001b[31m\ny"]]).split("\n")).toHaveLength(2);
});

test("text is measured in columns and cut with an ellipsis", () => {
  expect(["abc", "日本", "e\u0301", "✔"].map(widthOf)).toEqual([3, 4, 1, 1]);
  expect([fit("abcdef", 6), fit("abcdef", 4), fit("日本語", 4), fit("ab", 0)]).toEqual([
    "abcdef",
    "abc…",
    "日…",
    "",
  ]);
  expect(plain(" a\t\nb\u0000 ")).toBe("a b");
});

test.each([
  [-5, "0ms"],
  [999, "999ms"],
  [1_000, "1.0s"],
  [59_999, "59.9s"],
  [60_000, "1m00s"],
  [3_600_000, "1h00m"],
  [93_600_000, "1d02h"],
])("%d ms are said as %s", (ms, said) => {
  expect(stretch(ms)).toBe(said);
});

test("on a terminal the picture is drawn over again and left there at the end", async () => {
  const end = status([acked("0"), acked("1")], {
    verdict: "satisfied",
    reason: "all-answered",
    partial: false,
  });
  const { client } = scripted({ accepted: status([member("0"), member("1")]), later: [end] });
  const { code, stdout } = await run(["notify", "accounts"], { client, terminal: { columns: 80, rows: 24 } });
  expect(code).toBe(0);
  expect(stdout).toContain("waiting");
  // Up again over what was drawn.
  expect(stdout).toContain("\u001b[");
  expect(stripVTControlCharacters(stdout).trimEnd()).toMatch(/satisfied .*2 of 2 members acknowledged$/);
});

test("a dumb terminal gets lines", async () => {
  const { client } = scripted({
    accepted: status([acked("0")], { verdict: "satisfied", reason: "all-answered" }),
  });
  const terminal = { columns: 80, rows: 24 };
  const { stdout } = await run(["notify", "accounts"], { client, terminal, env: { TERM: "dumb" } });
  expect(stdout.split("\n")[1]).toBe("0 acked: attempt 1, after 400ms");
});
