import { describe, expect, test } from "vitest";
import { MAX_ENTRIES } from "../src/account.ts";
import { MAX_CENTS } from "../src/amount.ts";
import { accountsOnTwin } from "./support/accounts.ts";

const OWNER = { lane: 0, fencingToken: 0 };

/** "alice" lies on this lane of three. */
const LANE = 0;

async function oneReplica() {
  const accounts = await accountsOnTwin();
  await accounts.start(LANE);
  return accounts;
}

describe("the handlers", () => {
  test("book deposits and withdrawals in cents and say who did", async () => {
    const { ask, effects } = await oneReplica();
    const handledBy = { member: String(LANE), lane: LANE };
    expect(await ask("alice", "balance")).toMatchObject({ balance: 0 });
    expect(await ask("alice", "deposit", { cents: 1250 })).toMatchObject({
      account: "alice",
      cents: 1250,
      balance: 1250,
      handledBy,
    });
    expect(await ask("alice", "withdraw", { cents: 250 })).toMatchObject({ balance: 1000, handledBy });
    expect(await ask("alice", "statement")).toMatchObject({
      balance: 1000,
      entries: [
        { requestId: effects[0]?.id, kind: "deposit", cents: 1250, balance: 1250, refused: null },
        { requestId: effects[1]?.id, kind: "withdraw", cents: 250, balance: 1000, refused: null },
      ],
    });
    const [effect] = effects;
    expect(effect).toMatchObject({
      key: "alice",
      lane: LANE,
      member: String(LANE),
      repeated: false,
      pid: process.pid,
    });
    expect(effect?.end).toBeGreaterThanOrEqual(effect?.start ?? Number.NaN);
  });

  test("refuse to overdraw, with what is there", async () => {
    const { ask } = await oneReplica();
    await ask("alice", "deposit", { cents: 100 });
    await expect(ask("alice", "withdraw", { cents: 101 })).rejects.toMatchObject({
      code: "SHARDCAST_HANDLER_REFUSED",
      status: 409,
      message: expect.stringContaining("insufficient funds"),
      extensions: { balance: 100, cents: 101 },
    });
    expect(await ask("alice", "balance")).toMatchObject({ balance: 100 });
  });

  test("refuse a deposit beyond the exact numbers", async () => {
    const { ask, ledger } = await oneReplica();
    await ledger.save(Buffer.from("alice"), { balance: Number.MAX_SAFE_INTEGER, entries: [] }, OWNER);
    await expect(ask("alice", "deposit", { cents: 1 })).rejects.toMatchObject({ status: 409 });
  });

  test.each([
    [400, "not json"],
    [400, ""],
    [400, "null"],
    [400, "[]"],
    [400, "5"],
    [422, "{}"],
    [422, '{"cents": "5"}'],
    [422, '{"cents": 0}'],
    [422, '{"cents": -5}'],
    [422, '{"cents": 1.5}'],
    [422, '{"cents": 1e999}'],
    [422, `{"cents": ${MAX_CENTS + 1}}`],
    [422, '{"amount": 5}'],
  ])("answer %d to the body %j", async (status, body) => {
    const { ask, effects } = await oneReplica();
    const field = status === 422 ? { field: "cents" } : {};
    const message = expect.stringContaining(status === 422 ? "cents" : "body");
    for (const handler of ["deposit", "withdraw"]) {
      await expect(ask("alice", handler, body)).rejects.toMatchObject({ status, message, extensions: field });
    }
    expect(effects).toEqual([]);
  });

  test("keep as many entries as they say, the latest", async () => {
    const { ask, ledger } = await oneReplica();
    const id = Buffer.from("alice");
    const old = { requestId: "old", kind: "deposit", cents: 1, balance: 1, refused: null } as const;
    await ledger.save(id, { balance: 1, entries: Array.from({ length: MAX_ENTRIES }, () => old) }, OWNER);
    await ask("alice", "deposit", { cents: 2 });
    const { entries, balance } = await ledger.load(id);
    expect(entries).toHaveLength(MAX_ENTRIES);
    expect(entries.at(-1)).toMatchObject({ cents: 2, balance: 3 });
    expect(balance).toBe(3);
  });
});

describe("delivery at least once", () => {
  test("books each request once, though a new owner gets all of them again (C1)", async () => {
    const { start, ask, effects } = await accountsOnTwin();
    await start(LANE, { commitIntervalMs: 60_000 });
    await expect(ask("alice", "withdraw", { cents: 100 })).rejects.toMatchObject({ status: 409 });
    await ask("alice", "deposit", { cents: 500 });
    await ask("alice", "withdraw", { cents: 200 });
    const before = await ask("alice", "statement");
    expect(effects.map(({ repeated }) => repeated)).toEqual([false, false, false]);

    // Fences the first one, which has committed nothing, and reads the lane from the beginning.
    await start(LANE);
    await expect.poll(() => effects.length).toBe(6);
    const { handledBy: _, ...after } = await ask("alice", "statement");
    expect(before).toMatchObject(after);
    expect(after).toMatchObject({ balance: 300 });
    const [first, second] = [effects.slice(0, 3), effects.slice(3)];
    expect(second.map(({ id, offset }) => [id, offset])).toEqual(first.map(({ id, offset }) => [id, offset]));
    expect(second.map(({ repeated }) => repeated)).toEqual([true, true, true]);
  });
});
