import { once } from "node:events";
import { call, curl } from "./call.ts";
import { checkEqual, TourFault } from "./check.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { DEFAULT_PORT, type DemoOptions } from "./command-line.ts";
import { deposit } from "./load.ts";
import { createTourLogger } from "./log-lines.ts";
import type { Printer } from "./print.ts";
import { REPLICAS } from "./replica.ts";
import { takeTour } from "./tour/tour.ts";

/** Runs the tour and then serves, until the signal fires. Returns the exit code. */
export async function runDemo(options: DemoOptions, print: Printer, signal: AbortSignal): Promise<number> {
  const interrupted = once(signal, "abort");
  let cluster: Cluster | undefined;
  try {
    cluster = await start(options, print);
    const tour = takeTour({ cluster, print }, signal);
    await Promise.race([tour, interrupted]);
    if (!signal.aborted && !options.once) {
      await invite(cluster, print);
      await interrupted;
    }
    tour.catch(() => {}); // interrupted: it fails somewhere, when the cluster closes
    return 0;
  } catch (error) {
    if (signal.aborted) return 0;
    if (!(error instanceof TourFault)) throw error;
    print.say("");
    console.error(`The tour does not hold: ${error.message}.`);
    return 1;
  } finally {
    await cluster?.close();
    if (cluster !== undefined && signal.aborted) print.say("Ended.");
  }
}

async function start({ once, port }: DemoOptions, print: Printer): Promise<Cluster> {
  const wanted = port ?? (once ? 0 : DEFAULT_PORT);
  const logger = createTourLogger(print);
  const cluster = await startCluster({ port: wanted, otherPortIfTaken: port === undefined, logger });
  print.say(
    `Shardcast in one process: a log in memory, a gateway at ${cluster.url}, and ${REPLICAS} replicas of the service "accounts", each the owner of one lane.`,
  );
  if (wanted !== 0 && cluster.port !== wanted) {
    print.say(`(Port ${wanted} is taken; this is a free one. Choose one by --port N.)`);
  }
  return cluster;
}

/** Says what to try; the same has been tried, with another account. */
async function invite({ url }: Cluster, print: Printer): Promise<void> {
  const calls = [deposit("yours", 4_200), { key: "yours", handler: "statement" }];
  print.title("It goes on serving");
  print.say(`${url} is yours until Ctrl-C. From another terminal:`);
  for (const one of calls) {
    checkEqual((await call(url, { ...one, key: "tried" })).status, 200, "the calls to try work");
    print.command(curl(url, one));
  }
}
