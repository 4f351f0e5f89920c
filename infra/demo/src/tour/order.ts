import type { Effect } from "@shardcast/accounts";
import { decodeRequest } from "@shardcast/protocol";
import { call, curl, handledBy } from "../call.ts";
import { check, checkEqual } from "../check.ts";
import type { Cluster } from "../cluster.ts";
import { accountsOnAllLanes, deposits, sumOf } from "../load.ts";
import { laneOfKey, money } from "../names.ts";
import { readTopic } from "../read-topic.ts";
import { SERVICE } from "../replica.ts";
import type { Stage } from "./stage.ts";

const COUNT = 200;

/** Many callers at once: each account one request at a time, in log order, only on its owner; no cent is lost. */
export async function order({ cluster, print }: Stage): Promise<void> {
  const keys = accountsOnAllLanes("-shop");
  const made = deposits(keys, COUNT);
  print.say(
    `${COUNT} callers deposit different amounts into ${keys.length} accounts, all at the same moment. The storage is a file an account, read and written again without any lock.`,
  );
  for (const one of made.slice(0, 2)) print.command(`${curl(cluster.url, one)} &`);
  print.say(`… and ${COUNT - 2} more`);
  const begun = performance.now();
  const answers = await Promise.all(made.map((one) => call(cluster.url, one)));
  const tookMs = Math.round(performance.now() - begun);
  check(
    answers.every(({ status }) => status === 200),
    "every deposit is answered with 200",
  );
  print.say(`${COUNT} answers with status 200 in ${tookMs} ms. The accounts now:`);

  const rows = [["account", "lane", "replica", "deposits", "deposited", "balance"]];
  for (const key of keys) {
    const mine = made.filter((one) => one.key === key);
    const balance = await call(cluster.url, { key, handler: "balance" });
    checkEqual(balance.body.balance, sumOf(mine), `the balance of ${key} is the sum of its deposits`);
    const { lane, member } = handledBy(balance);
    rows.push([key, String(lane), member, String(mine.length), money(sumOf(mine)), money(sumOf(mine))]);
  }
  print.table(rows);
  print.holds("Every balance is the sum of its deposits.");

  const effects = cluster.effects().filter(({ key }) => keys.includes(key));
  checkEqual(effects.length, COUNT, "every deposit is handled once");
  const idsInLog = await idsByKey(cluster);
  for (const key of keys) checkOneAtATime(key, effects, idsInLog.get(key) ?? []);
  const atOnce = mostAtOnce(effects);
  check(atOnce > 1, "different accounts are handled side by side");
  print.holds(
    `Each account had one deposit at a time, in the order of the log, only ever on its owner. Different accounts did not wait for each other: up to ${atOnce} deposits ran at once.`,
  );
}

/** By time of their start: on the owner, each after the end of the one before, in the order of the log. */
function checkOneAtATime(key: string, all: readonly Effect[], idsInLog: readonly string[]): void {
  const mine = all.filter((effect) => effect.key === key).sort((a, b) => a.start - b.start);
  for (const [i, { member, lane, start }] of mine.entries()) {
    checkEqual(lane, laneOfKey(key), `${key} is only handled on its lane`);
    checkEqual(member, String(lane), `${key} is only handled by its owner`);
    const before = mine[i - 1];
    check(before === undefined || before.end <= start, `${key} has one deposit at a time`);
  }
  checkEqual(
    mine.map(({ id }) => id),
    idsInLog,
    `${key}'s deposits are handled in the order of the log`,
  );
}

/** The ids of the deposits on the log, in its order. */
async function idsByKey({ storage }: Cluster): Promise<Map<string, string[]>> {
  const ids = new Map<string, string[]>();
  const topic = `${SERVICE}.requests`;
  for (let lane = 0; lane < (storage.specOf(topic)?.partitions ?? 0); lane++) {
    for (const record of await readTopic(storage, topic, lane)) {
      const decoded = decodeRequest(record, SERVICE, "");
      if (decoded.kind !== "request" || decoded.request.handler !== "deposit") continue;
      const key = decoded.request.key.toString();
      ids.set(key, [...(ids.get(key) ?? []), decoded.request.id]);
    }
  }
  return ids;
}

/** How many ran at the same time at most. */
function mostAtOnce(effects: readonly Effect[]): number {
  return Math.max(
    ...effects.map(({ start }) => effects.filter((each) => each.start <= start && start < each.end).length),
  );
}
