import { createLedger } from "@shardcast/accounts";
import { check, checkEqual } from "../check.ts";
import type { Cluster } from "../cluster.ts";
import { callDirectly } from "../direct.ts";
import { accountsOnAllLanes, type Deposit, deposits, sumOf } from "../load.ts";
import { money } from "../names.ts";
import { REPLICAS } from "../replica.ts";
import type { Stage } from "./stage.ts";

const COUNT = 200;
/** A race may happen to be won. */
const MAX_RUNS = 20;

/** What a run without lanes lost. */
interface Loss {
  readonly deposits: number;
  readonly cents: number;
}

/** The same functions over the same kind of files, called like behind an ordinary load balancer. */
export async function bypass({ cluster, print }: Stage): Promise<void> {
  print.say(
    `The same replicas and handlers, with the same amounts into ${accountsOnAllLanes("").length} new accounts, but handed out in turn to whichever replica is next, as an ordinary load balancer does:`,
  );
  for (let run = 1; run <= MAX_RUNS; run++) {
    const made = deposits(accountsOnAllLanes(`-bypass-${run}`), COUNT);
    const lost = await runPastTheLanes(cluster, made);
    if (lost.deposits === 0) continue;
    print.say(
      `${COUNT} deposits of ${money(sumOf(made))} together, each reported as done. Then, in the accounts:`,
    );
    print.warns(
      `${lost.deposits} of the ${COUNT} deposits have left no trace; ${money(lost.cents)} of ${money(sumOf(made))} is missing. Several handlers read the same balance, each added its deposit, and the one that wrote last won.`,
    );
    if (run > 1) print.say(`(A race: ${run - 1} runs before this one happened to lose nothing.)`);
    return;
  }
  check(false, `without lanes a deposit is lost, in one of ${MAX_RUNS} runs`);
}

async function runPastTheLanes(cluster: Cluster, made: readonly Deposit[]): Promise<Loss> {
  // Rejects with the first that fails: every deposit is reported as done.
  const ids = await Promise.all(made.map((one, i) => callDirectly(cluster.replica(i % REPLICAS), one)));
  const ledger = createLedger(cluster.dir);
  const traces = new Set<string>();
  let stored = 0;
  for (const key of new Set(made.map((one) => one.key))) {
    const { balance, entries } = await ledger.load(Buffer.from(key));
    stored += balance;
    for (const { requestId } of entries) traces.add(requestId);
  }
  const missing = made.filter((_, i) => !traces.has(ids[i] as string));
  const cents = sumOf(made) - stored;
  checkEqual(sumOf(missing), cents, "what is missing is the sum of the deposits without a trace");
  return { deposits: missing.length, cents };
}
