import { INTEREST_CHANGED, type InterestTable } from "@shardcast/accounts";
import { byMember, curlNotice, notify, statusUrl, statusWhen, verdictOf } from "../broadcast.ts";
import { type Call, call, curl } from "../call.ts";
import { check, checkEqual } from "../check.ts";
import { deposit } from "../load.ts";
import { money, namesOn } from "../names.ts";
import { REPLICAS } from "../replica.ts";
import type { Stage } from "./stage.ts";

const DOWN = 1;
const TABLE: InterestTable = {
  tiers: [
    { fromCents: 0, percent: 1.5 },
    { fromCents: 1_000_000, percent: 2.25 },
  ],
};

/** Every replica loads another interest table; one of them is down, and does so when it is back (C6). */
export async function notifyAll({ cluster, print }: Stage): Promise<void> {
  const { url } = cluster;
  print.say(
    `Requests go to the one replica that owns the key. An interest table is a matter of all ${REPLICAS}, and somebody must know which of them have it. Replica ${DOWN} has just been stopped. A broadcast:`,
  );
  await cluster.replica(DOWN).stop();
  const notice = { handler: INTEREST_CHANGED, body: TABLE };
  print.command(curlNotice(url, notice));
  const { id, verdict } = await notify(url, notice);
  checkEqual(verdict, "open", "nobody has acted when it is accepted, or not all");

  const isUp = (member: string) => member !== String(DOWN);
  const before = await statusWhen(url, id, ({ members }) =>
    members.every(({ member, state }) => state === (isUp(member) ? "acked" : "waiting")),
  );
  print.say("It is accepted: on the log, with the replicas that it expects. A moment later:");
  print.command(`curl ${statusUrl(url, id)}`);
  print.table(byMember(before, ratesIn));
  checkEqual(before.members.length, REPLICAS, "every replica is expected, also the one that is down");
  checkEqual(
    before.members.map(({ state }) => state),
    ["acked", "waiting", "acked"],
    "those that are up have acted, the other is awaited",
  );
  checkEqual(before.verdict, "open", "the verdict is open while one is awaited");
  await checkPercent(url, { key: await funded(url, 0), handler: "balance" });
  print.holds(`Two have acted and replied, replica ${DOWN} is awaited: the verdict is open.`);

  const begun = performance.now();
  await cluster.restart(DOWN);
  const after = await verdictOf(url, id);
  const tookMs = Math.round(performance.now() - begun);
  print.say(`Replica ${DOWN} is started again; ${tookMs} ms later:`);
  print.command(`curl '${statusUrl(url, id)}?wait=10'`);
  print.table(byMember(after, ratesIn));
  checkEqual(after.verdict, "satisfied", "the verdict is satisfied when all have acted");
  check(
    after.members.every(({ state }) => state === "acked"),
    "the replica that was down has caught up",
  );
  const balance = { key: await funded(url, DOWN), handler: "balance" };
  print.command(curl(url, balance));
  const answer = await checkPercent(url, balance);
  print.answer(answer.status, answer.body);
  print.holds(
    `It found the broadcast on the log, loaded the table, and accounts on its lane show the new rate. The verdict is ${after.verdict}; any gateway says the same.`,
  );
}

/** The table in a replica's reply. */
function ratesIn(body: string): string {
  const { interest } = JSON.parse(body) as { readonly interest: InterestTable };
  return interest.tiers.map(({ fromCents, percent }) => `${percent}% from ${money(fromCents)}`).join(", ");
}

/** An account on this lane that reaches the upper tier. */
async function funded(url: string, lane: number): Promise<string> {
  const [key = ""] = namesOn(lane, 1, "-saves");
  const { status } = await call(url, deposit(key, 2_000_000));
  checkEqual(status, 200, `the owner of lane ${lane} answers`);
  return key;
}

async function checkPercent(url: string, asked: Call) {
  const answer = await call(url, asked);
  checkEqual(answer.body.interestPercent, 2.25, `${asked.key} earns by the new table`);
  return answer;
}
