import { readdirSync } from "node:fs";
import { createLedger, type Effect } from "@shardcast/accounts";
import { headerText } from "@shardcast/protocol";
import { expect, inject, test } from "vitest";
import { LANES, startCluster } from "./support/cluster.ts";
import { placeOf, readEffects } from "./support/effects.ts";
import { readTopic } from "./support/kafka.ts";
import { type Done, startLoad } from "./support/load.ts";

const REQUESTS = 20_000;
const KEYS = 1_000;
const CALLERS = 64;
/** Keys that are in use at the same time: fewer than callers, so that requests for one key meet. */
const WINDOW = 50;

/** Window after window of keys, each key as often as any other. */
function keyOf(n: number): string {
  const window = Math.floor(n / ((REQUESTS / KEYS) * WINDOW));
  return `account-${window * WINDOW + ((n * 17) % WINDOW)}`;
}

/** Another amount for each request, so that no two can be taken for each other. */
const centsOf = (n: number): number => n + 1;

interface DepositReply {
  readonly account: string;
  readonly cents: number;
  readonly handledBy: { readonly member: string; readonly lane: number; readonly offset: number };
}

const replyOf = ({ answer }: Done) => JSON.parse(answer?.body ?? "null") as DepositReply;

test("20,000 deposits to 1,000 accounts by 64 callers: own replies, log order, one at a time, one worker a key", async () => {
  const brokers = inject("kafkaBrokers");
  const cluster = await startCluster({ brokers, program: "accounts" });
  const load = startLoad(cluster, {
    callers: CALLERS,
    next: (n) =>
      n < REQUESTS
        ? { key: keyOf(n), handler: "deposit", timeoutS: 60, body: JSON.stringify({ cents: centsOf(n) }) }
        : undefined,
  });
  const done = await load.finished;
  const effects = readEffects<Effect>(cluster.effectsFile);
  const records = await readTopic(brokers, cluster.topics.requests);

  // C4: every reply is its own request's.
  expect(done).toHaveLength(REQUESTS);
  const wrong = done.filter((each) => {
    const { n, key } = each.call;
    if (each.answer?.status !== 200) return true;
    const { account, cents } = replyOf(each);
    return account !== key || cents !== centsOf(n);
  });
  expect(wrong.slice(0, 3)).toEqual([]);

  // C3: one effect for each request, where its reply says and where its record lies on the log.
  expect(effects).toHaveLength(REQUESTS);
  const byPlace = new Map(effects.map((effect) => [placeOf(effect), effect]));
  const idAt = new Map(
    records.map((record) => [
      placeOf({ lane: record.partition, offset: record.offset }),
      headerText(record.headers, "sc-id"),
    ]),
  );
  expect([byPlace.size, idAt.size]).toEqual([REQUESTS, REQUESTS]);
  const misplaced = done.filter((each) => {
    const { handledBy } = replyOf(each);
    const effect = byPlace.get(placeOf(handledBy));
    const id = each.answer?.headers["shardcast-request-id"];
    return effect?.id !== id || idAt.get(placeOf(handledBy)) !== id || effect?.key !== each.call.key;
  });
  expect(misplaced.slice(0, 3)).toEqual([]);

  // C1: of each key, one at a time and in log order. C2: by one worker alone.
  const byKey = Map.groupBy(effects, ({ key }) => key);
  expect(byKey.size).toBe(KEYS);
  const faults = [...byKey].flatMap(([key, own]) =>
    own.flatMap((effect, i) => {
      const before = own[i - 1];
      if (before === undefined) return [];
      if (effect.pid !== before.pid || effect.lane !== before.lane) return [`${key}: two workers`];
      if (effect.offset <= before.offset) return [`${key}: offset ${effect.offset} after ${before.offset}`];
      return effect.start < before.end ? [`${key}: two at once, ${before.offset} and ${effect.offset}`] : [];
    }),
  );
  expect(faults.slice(0, 3)).toEqual([]);
  expect(new Set(effects.map(({ pid }) => pid))).toEqual(new Set(cluster.workers.map(({ pid }) => pid)));

  // The money: to the cent, in the order of the log, and no file beside those of the accounts and the lanes' fences.
  const ledger = createLedger(cluster.ledgerDir);
  const expected = Map.groupBy(done, ({ call }) => call.key);
  for (const [key, own] of byKey) {
    const { balance, entries } = await ledger.load(Buffer.from(key));
    const deposited = (expected.get(key) ?? []).reduce((sum, { call }) => sum + centsOf(call.n), 0);
    expect({ key, balance }).toEqual({ key, balance: deposited });
    expect(entries.map(({ requestId }) => requestId)).toEqual(own.map(({ id }) => id));
  }
  expect(readdirSync(cluster.ledgerDir)).toHaveLength(KEYS + LANES);
}, 180_000);
