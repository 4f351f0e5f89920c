import type { HandlerContext, HandlerRequest } from "@shardcast/worker";
import { describe, expect, test } from "vitest";
import { accountHandlers, createLedger } from "../src/index.ts";
import { accountsOnTwin, LANES, temporaryDir } from "./support/accounts.ts";

const KEYS = ["alice", "bob", "carol", "dave"];
const DEPOSITS = Array.from({ length: 200 }, (_, i) => ({
  key: KEYS[i % KEYS.length] as string,
  cents: i + 1,
}));

function expected(key: string): number {
  return DEPOSITS.filter((one) => one.key === key).reduce((sum, { cents }) => sum + cents, 0);
}

describe("storage without transactions", () => {
  test("loses updates when any replica handles any account", async () => {
    const dir = temporaryDir();
    const replicas = Array.from({ length: LANES }, () => accountHandlers({ ledger: createLedger(dir) }));
    await Promise.all(
      DEPOSITS.map(({ key, cents }, i) => {
        const request = { id: `request-${i}`, key, keyBytes: Buffer.from(key), json: () => ({ cents }) };
        const context = { lane: 0, member: String(i % LANES), offset: i };
        const { deposit } = replicas[i % LANES] as (typeof replicas)[number];
        return deposit(request as unknown as HandlerRequest, context as HandlerContext);
      }),
    );
    const ledger = createLedger(dir);
    const balances = await Promise.all(
      KEYS.map(async (key) => (await ledger.load(Buffer.from(key))).balance),
    );
    const found = balances.reduce((sum, balance) => sum + balance, 0);
    const wanted = KEYS.reduce((sum, key) => sum + expected(key), 0);
    expect(found).toBeLessThan(wanted);
  });

  test("loses none when each account has its lane and one owner (C1, C2)", async () => {
    const { start, ask, effects, ledger } = await accountsOnTwin();
    for (let member = 0; member < LANES; member++) await start(member);
    await Promise.all(DEPOSITS.map(({ key, cents }) => ask(key, "deposit", { cents })));
    for (const key of KEYS) {
      expect(await ledger.load(Buffer.from(key))).toMatchObject({ balance: expected(key) });
      const mine = effects.filter((effect) => effect.key === key).sort((a, b) => a.start - b.start);
      expect(mine.map(({ offset }) => offset)).toEqual(
        mine.map(({ offset }) => offset).sort((a, b) => a - b),
      );
      for (const [i, { start: begun, member, lane }] of mine.entries()) {
        expect(member).toBe(String(lane));
        expect(begun).toBeGreaterThanOrEqual(mine[i - 1]?.end ?? 0);
      }
    }
  });
});
