import { readFile, writeFile } from "node:fs/promises";
import { createLedger } from "@shardcast/accounts";
import type { LogRecord } from "@shardcast/log";
import { headerText } from "@shardcast/protocol";
import { call, curl } from "../call.ts";
import { check, checkEqual } from "../check.ts";
import { deposit } from "../load.ts";
import { laneOfKey, namesOn } from "../names.ts";
import { readTopic } from "../read-topic.ts";
import { MAX_ATTEMPTS, SERVICE } from "../replica.ts";
import type { Stage } from "./stage.ts";

const LANE = 1;
const NEIGHBOURS = 20;

/** A failing key delays only itself; after its attempts it goes to the dead letters, and its successors go on. */
export async function poison({ cluster, print }: Stage): Promise<void> {
  const [sick = "", ...healthy] = namesOn(LANE, 4);
  await call(cluster.url, deposit(sick, 5_000));
  const file = createLedger(cluster.dir).fileOf(Buffer.from(sick));
  const before = await readFile(file, "utf8");
  await writeFile(file, before.slice(0, before.length / 2));
  print.say(`The file of ${sick}'s account has just been damaged: half of it is gone. A deposit:`);
  const failing = deposit(sick, 700);
  print.command(curl(cluster.url, failing));

  let failed = false;
  const waiting = call(cluster.url, failing).finally(() => {
    failed = true;
  });
  waiting.catch(() => {}); // awaited below, if the neighbours fare well
  let meanwhile = 0;
  const others = Array.from({ length: NEIGHBOURS }, async (_, i) => {
    const { status } = await call(cluster.url, deposit(healthy[i % healthy.length] as string, 100));
    checkEqual(status, 200, "neighbours on the lane are answered");
    if (!failed) meanwhile++;
  });
  await Promise.all(others);
  check(meanwhile > 0, "neighbours on the lane are answered while the failing request is tried again");

  const answer = await waiting;
  print.answer(answer.status, answer.body);
  checkEqual(answer.status, 502, "the failing request is answered with 502");
  checkEqual(answer.contentType, "application/problem+json", "the answer is a problem document");
  checkEqual(answer.body.code, "SHARDCAST_ATTEMPTS_EXHAUSTED", "the code says why");
  checkEqual(answer.body.attempts, MAX_ATTEMPTS, "all attempts were made");
  print.holds(
    `Tried ${MAX_ATTEMPTS} times, then given up. Meanwhile ${meanwhile} of ${NEIGHBOURS} deposits into ${healthy.join(", ")}, on the same lane ${LANE}, were answered: a failing key delays only itself.`,
  );

  const letter = await newestDeadLetter(cluster.storage, sick);
  const shown = ["sc-dead-code", "sc-dead-attempts", "sc-dead-origin", "sc-dead-member"];
  print.say(`It is not lost. In the topic ${letter.topic}, partition ${letter.partition}:`);
  print.list([
    ["key", sick],
    ["value", letter.value?.toString() ?? ""],
    ...shown.map((name): [string, string] => [name, headerText(letter.headers, name) ?? ""]),
  ]);
  checkEqual(
    letter.value?.toString(),
    JSON.stringify(failing.body),
    "the dead letter has the request's body",
  );
  checkEqual(headerText(letter.headers, "sc-dead-attempts"), String(MAX_ATTEMPTS), "it says how often");

  await writeFile(file, before);
  const next = await call(cluster.url, deposit(sick, 300));
  checkEqual(next.body.balance, 5_300, "after the repair the account goes on");
  print.holds(`The file is mended; the next deposit into ${sick}'s account is answered with ${next.status}.`);
}

async function newestDeadLetter(storage: Stage["cluster"]["storage"], key: string): Promise<LogRecord> {
  const letters = await readTopic(storage, `${SERVICE}.dead`, laneOfKey(key));
  const letter = letters.findLast((each) => each.key?.toString() === key);
  check(letter !== undefined, "the failing request is in the dead letters");
  return letter;
}
