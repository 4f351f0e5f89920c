import { setTimeout as delay } from "node:timers/promises";
import { type Account, createLedger } from "@shardcast/accounts";
import { type Answer, call, curl } from "../call.ts";
import { check, checkEqual } from "../check.ts";
import type { Cluster } from "../cluster.ts";
import { type Deposit, deposit, deposits, sumOf } from "../load.ts";
import { money, namesOn } from "../names.ts";
import { readTopic } from "../read-topic.ts";
import { SERVICE } from "../replica.ts";
import type { Stage } from "./stage.ts";

const LANE = 1;
const CALLERS = 60;
const COMMIT_PATIENCE_MS = 5_000;
const SAVES_BEFORE_DEATH = 20;

/** A process dies between storing a deposit and saying so, with callers waiting; its successor answers them. */
export async function crash({ cluster, print }: Stage): Promise<void> {
  const keys = namesOn(LANE, 3, "-crash");
  const made = deposits(keys, CALLERS);
  print.say(
    `${CALLERS} callers deposit into ${keys.length} accounts of lane ${LANE}. Replica ${LANE} is to die right after its storage has taken the ${SAVES_BEFORE_DEATH}th deposit: before it answers, and before it commits that it is done. Nothing of it goes on.`,
  );
  await allCommitted(cluster);
  const victim = cluster.replica(LANE);
  const death = victim.dieAfterSaves(SAVES_BEFORE_DEATH);
  let answered = 0;
  const answers = Promise.all(
    made.map(async (one) => {
      const answer = await call(cluster.url, one);
      answered++;
      return answer;
    }),
  );
  answers.catch(() => {}); // awaited below, if the replica dies as it should
  await Promise.race([death, answers]);
  check(answered < CALLERS, "the replica dies before all callers are answered");
  const stored = await storedIds(cluster, keys);
  const waiting = CALLERS - answered;
  const committed = cluster.storage.progressOf(SERVICE, `${SERVICE}.requests`, LANE)?.offset;
  check(waiting > 0, "callers wait while the replica is dead");
  check(stored.size >= SAVES_BEFORE_DEATH, "the deposits before the death are stored");
  print.say(
    `It is dead. ${stored.size} deposits are stored, ${waiting} callers wait; the last commit of lane ${LANE} stands at offset ${committed}.`,
  );

  const [elsewhere = ""] = namesOn(0, 1, "-crash");
  const other = deposit(elsewhere, 100);
  print.command(curl(cluster.url, other));
  const meanwhile = await call(cluster.url, other);
  print.answer(meanwhile.status, meanwhile.body);
  checkEqual(meanwhile.status, 200, "other lanes go on while the replica is dead");
  check(answered < CALLERS, "callers of the dead replica still wait");
  print.holds("Other lanes do not notice.");

  const begun = performance.now();
  const successor = await cluster.restart(LANE);
  checkEqual(
    successor.worker.lanes().map(({ lane }) => lane),
    [LANE],
    "the new process owns the lane",
  );
  const done = await answers;
  const tookMs = Math.round(performance.now() - begun);
  const from = Math.min(...successor.effects.map(({ offset }) => offset));
  checkEqual(from, committed, "the new process goes on at the commit");
  const again = successor.effects.filter(({ repeated }) => repeated);
  check(
    done.every(({ status }) => status === 200),
    "every caller has an answer with 200",
  );
  check(again.length > 0, "what was stored and not committed is delivered again");
  check(
    again.every(({ id }) => stored.has(id)),
    "what is recognised was stored before the death",
  );
  await checkAccounts(cluster, made, done);
  print.say(
    `A new process with the same identity has started. It took lane ${LANE} from offset ${from} on; after ${tookMs} ms the last of the ${CALLERS} callers had an answer, with status 200.`,
  );
  print.holds(
    `Nothing lost, nothing twice: the accounts hold ${money(sumOf(made))}, each deposit once. ${again.length} deposits that the dead process had stored were delivered again; the handler found their ids in the accounts, and only answered.`,
  );
}

/** Waits until what came before this section is committed, so that only what it does itself is delivered again. */
async function allCommitted({ storage }: Cluster): Promise<void> {
  const topic = `${SERVICE}.requests`;
  const last = (await readTopic(storage, topic, LANE)).at(-1)?.offset ?? -1;
  const latest = performance.now() + COMMIT_PATIENCE_MS;
  while ((storage.progressOf(SERVICE, topic, LANE)?.offset ?? 0) <= last) {
    check(performance.now() < latest, "what is done is committed soon");
    await delay(20);
  }
}

async function storedIds(cluster: Cluster, keys: readonly string[]): Promise<Set<string>> {
  const accounts = await Promise.all(keys.map((key) => load(cluster, key)));
  return new Set(accounts.flatMap(({ entries }) => entries.map(({ requestId }) => requestId)));
}

/** Each answered request is in its account once, nothing else is, and the money is right. */
async function checkAccounts(cluster: Cluster, made: readonly Deposit[], answers: readonly Answer[]) {
  for (const key of new Set(made.map((one) => one.key))) {
    const { balance, entries } = await load(cluster, key);
    const wanted = answers.flatMap(({ requestId }, i) => (made[i]?.key === key ? [requestId] : []));
    const found = entries.map(({ requestId }) => requestId);
    checkEqual(found.toSorted(), wanted.toSorted(), `${key} has each of its deposits once`);
    checkEqual(balance, sumOf(made.filter((one) => one.key === key)), `the balance of ${key} is right`);
  }
}

function load({ dir }: Cluster, key: string): Promise<Account> {
  return createLedger(dir).load(Buffer.from(key));
}
