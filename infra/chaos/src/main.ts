import { randomInt } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { check } from "./checker/check.ts";
import { countBy } from "./checker/count.ts";
import type { Violation } from "./checker/history.ts";
import { measure } from "./checker/measure.ts";
import { checkServed, waits } from "./checker/served.ts";
import { FAULTS, type FaultKind, isFaultKind } from "./fault.ts";
import { isPodFaultKind, POD_FAULTS, type PodFaultKind } from "./kubernetes/pod-fault.ts";
import { podScheduleOf } from "./kubernetes/pod-schedule.ts";
import { MUTATIONS } from "./mutations.ts";
import { type RunOptions, run } from "./run.ts";
import { scheduleOf } from "./schedule.ts";

const KINDS = Object.keys(FAULTS) as FaultKind[];
const MAX_SEED = 2 ** 32 - 1;
/** Replies stay on the log for an hour, and the checker wants to read them all. */
const MAX_SECONDS = 3_000;
const MAX_REPLICAS = 16;
/** Of each clause. */
const SHOWN = 5;
const SHOWN_EVIDENCE = 1_000;

/** Of a schedule without an end. */
const SHOWN_PLAN = 30;

const help = `Usage: npm run chaos -- [--kubernetes] [--seconds N] [--seed S] [--faults a,b,…] [--lanes N] [--replicas N]
                        [--scales a,b,…] [--rate N] [--keys N] [--broadcasts N]
                        [--mutate NAME] [--plan] [--keep]

Load and faults against real gateways, workers and a real broker; then a checker decides whether the contract held.

  --kubernetes  the workers are pods: processes that a real control plane keeps, by a StatefulSet. Faults are kubectl's, the API
              server's and the nodes', and every request must be answered
  --seconds   how long the load lasts (default: 60)
  --seed      makes the schedule of faults and the requests (default: a random one, printed)
  --faults    ${KINDS.join(", ")}
              (default: all; on a broker that is not ours, KAFKA_BROKERS, those that leave it alone)
              with --kubernetes: ${POD_FAULTS.join(", ")}
  --lanes     lanes of the service (default: 24)
  --replicas  replicas at the start (default: 3)
  --scales    replicas that the fault scale goes through, over and over (default: 5,2,4,3; with --kubernetes 5,2,3)
  --rate      requests per second (default: 150)
  --keys      keys over all lanes (default: 200)
  --broadcasts  jobs per minute that notify all replicas (default: 60)
  --mutate    switches a guarantee off: ${MUTATIONS.map(({ name }) => name).join(", ")}
  --plan      prints the schedule and does nothing
  --keep      keeps the logs of the processes, which otherwise stay only after a violation

Violations go to standard error. The last line is the verdict, one of JSON; ends with 1 on any violation.`;

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  let parsed: ReturnType<typeof parse>;
  const stop = new AbortController();
  try {
    parsed = parse(args, stop.signal);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${help}`);
    return 2;
  }
  if (parsed === undefined) {
    console.log(help);
    return 0;
  }
  const { options, plan, keep } = parsed;
  console.error(`seed ${options.seed}`);
  for (const planned of planOf(options)) console.error(`  ${JSON.stringify(planned)}`);
  if (plan) return 0;
  process.once("SIGINT", () => stop.abort()).once("SIGTERM", () => stop.abort());
  const { history, unasked, dir, reassignAfterMs } = await run(options);
  const isPods = options.target.kind === "pods";
  const violations = [...check(history), ...(isPods ? checkServed(history, reassignAfterMs) : [])];
  for (const ofClause of Map.groupBy(violations, ({ clause }) => clause).values()) {
    for (const violation of ofClause.slice(0, SHOWN)) show(violation);
  }
  const byClause = countBy(violations.map(({ clause }) => clause));
  const { seed, seconds, mutation } = options;
  const verdict = {
    violations: violations.length,
    byClause,
    seed,
    seconds,
    ...(mutation === undefined ? {} : { mutate: mutation.name }),
    ...measure(history),
    ...(isPods ? { waits: waits(history) } : {}),
    nothing: countBy(
      history.outcomes.flatMap(({ conclusion }) => ("why" in conclusion ? [conclusion.why] : [])),
    ),
    faults: countBy(history.faults.map(({ kind }) => kind)),
    unasked,
  };
  if (violations.length > 0 || keep) {
    const shown = (_: string, value: unknown) =>
      value instanceof Map ? Object.fromEntries(value) : value instanceof Set ? [...value] : value;
    await writeFile(join(dir, "history.json"), JSON.stringify(history, shown));
    await writeFile(join(dir, "violations.json"), JSON.stringify(violations, shown, 1));
    console.error(`what the processes said, and the history: ${dir}`);
  } else {
    await rm(dir, { recursive: true, force: true });
  }
  console.log(JSON.stringify(verdict));
  return violations.length === 0 ? 0 : 1;
}

function planOf({ target, ...options }: RunOptions): readonly object[] {
  if (target.kind === "processes") return scheduleOf({ ...options, ...target });
  const schedule = podScheduleOf({ ...options, ...target });
  return Array.from({ length: SHOWN_PLAN }, () => schedule.next().value).filter((each) => each !== undefined);
}

function show({ clause, what, evidence }: Violation): void {
  console.error(`VIOLATION of ${clause}: ${what}\n  ${JSON.stringify(evidence).slice(0, SHOWN_EVIDENCE)}`);
}

function parse(args: string[], signal: AbortSignal) {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: "boolean", short: "h" },
      kubernetes: { type: "boolean", default: false },
      seconds: { type: "string", default: "60" },
      seed: { type: "string" },
      faults: { type: "string" },
      lanes: { type: "string", default: "24" },
      replicas: { type: "string", default: "3" },
      rate: { type: "string", default: "150" },
      keys: { type: "string", default: "200" },
      scales: { type: "string" },
      broadcasts: { type: "string", default: "60" },
      mutate: { type: "string" },
      plan: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const brokers = process.env.KAFKA_BROKERS ?? "";
  const options: RunOptions = {
    seconds: whole("seconds", values.seconds, 1, MAX_SECONDS),
    seed: values.seed === undefined ? randomInt(MAX_SEED) : whole("seed", values.seed, 0, MAX_SEED),
    target: values.kubernetes
      ? { kind: "pods", kinds: podKindsOf(values.faults) }
      : { kind: "processes", kinds: kindsOf(values.faults, brokers === "") },
    lanes: whole("lanes", values.lanes, 1, 1_000),
    replicas: whole("replicas", values.replicas, 1, MAX_REPLICAS),
    scales: (values.scales ?? (values.kubernetes ? "5,2,3" : "5,2,4,3"))
      .split(",")
      .map((each) => whole("scales", each, 1, MAX_REPLICAS)),
    broadcasts: whole("broadcasts", values.broadcasts, 1, 6_000) / 60,
    perSecond: whole("rate", values.rate, 1, 10_000),
    keys: whole("keys", values.keys, 1, 10_000),
    brokers,
    mutation: mutationOf(values.mutate),
    signal,
  };
  return { options, plan: values.plan, keep: values.keep };
}

function whole(option: string, text: string, min: number, max: number): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`--${option} takes a whole number from ${min} to ${max}, not "${text}"`);
}

function kindsOf(list: string | undefined, ownBroker: boolean): FaultKind[] {
  const possible = (kind: FaultKind) => ownBroker || !FAULTS[kind].ownBroker;
  if (list === undefined) return KINDS.filter(possible);
  return list
    .split(",")
    .filter(Boolean)
    .map((name) => {
      if (!isFaultKind(name)) throw new Error(`--faults: there is no ${name}`);
      if (!possible(name)) throw new Error(`--faults: ${name} is not for a broker of others`);
      return name;
    });
}

function podKindsOf(list: string | undefined): readonly PodFaultKind[] {
  if (list === undefined) return POD_FAULTS;
  return list
    .split(",")
    .filter(Boolean)
    .map((name) => {
      if (!isPodFaultKind(name)) throw new Error(`--faults: with --kubernetes there is no ${name}`);
      return name;
    });
}

function mutationOf(name: string | undefined) {
  if (name === undefined) return undefined;
  const mutation = MUTATIONS.find((each) => each.name === name);
  if (mutation === undefined) throw new Error(`--mutate: there is no ${name}`);
  return mutation;
}
