import { call, curl, handledBy } from "../call.ts";
import { check, checkEqual } from "../check.ts";
import { deposit } from "../load.ts";
import { laneOfKey, namesOn } from "../names.ts";
import { REPLICAS } from "../replica.ts";
import type { Stage } from "./stage.ts";

/** One request over HTTP, and who answered it. */
export async function keyedRequest({ cluster, print }: Stage): Promise<void> {
  const [key = ""] = namesOn(2, 1);
  const [other = ""] = namesOn(0, 1);
  print.say("Deposit 125.00 (in cents) into an account. The account is the key of the request:");
  const first = deposit(key, 12_500);
  print.command(curl(cluster.url, first));
  const answer = await call(cluster.url, first);
  print.answer(answer.status, answer.body);
  checkEqual(answer.status, 200, "the deposit is answered with 200");
  checkEqual(answer.body.balance, 12_500, "the balance is what was deposited");

  const { lane, member, offset } = handledBy(answer);
  checkEqual(lane, laneOfKey(key), "the lane is the key's hash");
  checkEqual(member, String(lane), "the replica is the lane's owner");
  print.holds(
    `The gateway put it on lane ${lane} of ${REPLICAS}, at offset ${offset}: that is ${key}'s hash, as Kafka's own Java clients compute it. Replica ${member} owns lane ${lane}, handled it, and its answer came back to this caller.`,
  );

  const again = [await call(cluster.url, deposit(key, 500)), await call(cluster.url, deposit(key, 500))];
  checkEqual(
    again.map((each) => handledBy(each).member),
    [member, member],
    "the same replica handles the key again",
  );
  const elsewhere = handledBy(await call(cluster.url, deposit(other, 500)));
  check(elsewhere.member !== member, `${other} is handled by another replica than ${key}`);
  checkEqual(elsewhere.lane, laneOfKey(other), `${other}'s lane is its hash`);
  print.holds(
    `Two more for ${key} went to replica ${member} again; one for ${other}, on lane ${elsewhere.lane}, went to replica ${elsewhere.member}.`,
  );
}
