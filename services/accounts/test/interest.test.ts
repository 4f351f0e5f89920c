import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BroadcastContext, BroadcastMessage } from "@shardcast/worker";
import { describe, expect, test } from "vitest";
import { createInterest, type Interest, interestChanged } from "../src/index.ts";
import { parseInterestTable, percentFor } from "../src/interest.ts";
import { accountsOnTwin, temporaryDir } from "./support/accounts.ts";

const FLAT = { tiers: [{ fromCents: 0, percent: 1 }] };
const STEEP = {
  tiers: [
    { fromCents: 100_000, percent: 3 },
    { fromCents: 0, percent: 2 },
  ],
};

function tell(interest: Interest, member: string, body: string): Promise<unknown> {
  const bytes = Buffer.from(body);
  const broadcast = { body: bytes, text: () => bytes.toString() } as BroadcastMessage;
  return Promise.resolve(interestChanged(interest)(broadcast, { member } as BroadcastContext));
}

/** A file that replicas begin with. */
function configuredFile(text: string): string {
  const file = join(temporaryDir(), "interest.json");
  writeFileSync(file, text);
  return file;
}

describe("the interest table", () => {
  test("pays by the highest tier that the balance reaches, whatever the order of the tiers", () => {
    const percents = [0, 99_999, 100_000, 200_000].map((balance) => percentFor(STEEP, balance));
    expect(percents).toEqual([2, 2, 3, 3]);
    expect(percentFor({ tiers: [{ fromCents: 5, percent: 1 }] }, 4)).toBe(0);
  });

  test.each([
    ["not json", "JSON"],
    ["[]", "the interest table: "],
    ['{"tiers":[]}', "tiers: "],
    ['{"tiers":[{"fromCents":0}]}', "tiers.0.percent: "],
    ['{"tiers":[{"fromCents":0.5,"percent":1}]}', "tiers.0.fromCents: "],
    ['{"tiers":[{"fromCents":0,"percent":101}]}', "tiers.0.percent: "],
    ['{"tiers":[{"fromCents":0,"percent":1}],"more":1}', "more"],
  ])("that is %s is refused, naming %j", (text, named) => {
    expect(() => parseInterestTable(text)).toThrow(named);
  });

  test("of a replica that was told nothing is the configured one, and none without it", async () => {
    const dir = temporaryDir();
    expect(await createInterest(dir, configuredFile(JSON.stringify(FLAT))).of("0")).toEqual(FLAT);
    expect(percentFor(await createInterest(dir).of("0"), 1)).toBe(0);
  });
});

describe("the broadcast interest-changed", () => {
  test("replaces the table of this replica alone, and replies with what it now has (C6)", async () => {
    const interest = createInterest(temporaryDir());
    expect(await tell(interest, "1", JSON.stringify(STEEP))).toEqual({ member: "1", interest: STEEP });
    expect(await interest.of("1")).toEqual(STEEP);
    expect(percentFor(await interest.of("2"), 1)).toBe(0);
  });

  test("outlives a restart of the replica", async () => {
    const dir = temporaryDir();
    const file = configuredFile(JSON.stringify(FLAT));
    await tell(createInterest(dir, file), "1", JSON.stringify(STEEP));
    const restarted = createInterest(dir, file);
    expect(await restarted.of("1")).toEqual(STEEP);
    expect(await restarted.of("2")).toEqual(FLAT);
  });

  test("with an empty body reads the configured file again", async () => {
    const file = configuredFile(JSON.stringify(FLAT));
    const interest = createInterest(temporaryDir(), file);
    expect(await interest.of("1")).toEqual(FLAT);
    writeFileSync(file, JSON.stringify(STEEP));
    expect(await interest.of("1")).toEqual(FLAT);
    expect(await tell(interest, "1", "")).toEqual({ member: "1", interest: STEEP });
  });

  test("with a table that can not be taken is refused for good, and changes nothing", async () => {
    const interest = createInterest(temporaryDir());
    await tell(interest, "1", JSON.stringify(FLAT));
    await expect(tell(interest, "1", '{"tiers":[{"fromCents":-1,"percent":1}]}')).rejects.toMatchObject({
      name: "TerminalError",
      message: expect.stringContaining("tiers.0.fromCents"),
    });
    expect(await interest.of("1")).toEqual(FLAT);
  });

  test("that can not be stored is tried again, and changes nothing", async () => {
    const dir = temporaryDir();
    const interest = createInterest(dir);
    mkdirSync(join(dir, "interest-1.json", "in-the-way"), { recursive: true });
    await expect(tell(interest, "1", JSON.stringify(FLAT))).rejects.not.toHaveProperty("status");
    await expect(interest.of("1")).rejects.toThrow("EISDIR");
  });
});

test("who asks for an account is told what it earns on this replica", async () => {
  const { start, ask, interest } = await accountsOnTwin();
  await start(0);
  expect(await ask("alice", "balance")).toMatchObject({ balance: 0, interestPercent: 0 });
  await tell(interest, "0", JSON.stringify(STEEP));
  await ask("alice", "deposit", { cents: 100_000 });
  expect(await ask("alice", "balance")).toMatchObject({ balance: 100_000, interestPercent: 3 });
  await ask("alice", "withdraw", { cents: 1 });
  expect(await ask("alice", "statement")).toMatchObject({ balance: 99_999, interestPercent: 2 });
});
