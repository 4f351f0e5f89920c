import { setTimeout as sleep } from "node:timers/promises";
import { type Ground, SERVICE } from "./cluster.ts";
import { printFigure, ratioOf } from "./figures.ts";
import { Member, type Usage } from "./members/member.ts";

interface Shape {
  readonly name: string;
  readonly members: number;
  readonly lanes: number;
  /** Name of the one it is compared with. */
  readonly against?: string;
}

/** What one pays for idling: it grows with members, not with lanes. */
const SHAPES: readonly Shape[] = [
  { name: "1x1", members: 1, lanes: 1 },
  { name: "1x256", members: 1, lanes: 256, against: "1x1" },
  { name: "4x64", members: 4, lanes: 256, against: "1x256" },
];
/** From the last start on: until compilers and first commits have calmed down. */
const WARM_UP_MS = 10_000;

interface Cost {
  readonly cpu: number;
  readonly requests: number;
}

/** CPU and requests to the broker of members that have nothing to do, by members and lanes, all at the same time. */
export async function idle(ground: Ground, { seconds }: { readonly seconds: number }): Promise<void> {
  const started: (readonly [Shape, Member[]])[] = [];
  for (const shape of SHAPES) started.push([shape, await startShape(ground, shape)]);
  await sleep(WARM_UP_MS);
  const usages = () =>
    Promise.all(started.map(([, members]) => Promise.all(members.map((member) => member.usage()))));
  const before = await usages();
  await sleep(seconds * 1000);
  const after = await usages();

  const costs = new Map<string, Cost>();
  for (const [index, [shape]] of started.entries()) {
    const pairs = (after[index] ?? []).map((usage, i) => [before[index]?.[i] as Usage, usage] as const);
    costs.set(shape.name, costOf(pairs));
    console.error(`idle: ${shape.name} (members x lanes each) asked by API key ${byApiKey(pairs)}`);
  }
  for (const shape of SHAPES) printCost(shape, costs);
}

/** Without a gateway: members begin by themselves. Resolves when each of them owns its lanes. */
async function startShape(ground: Ground, shape: Shape): Promise<Member[]> {
  // First, so that one alone creates the topics.
  const first = await startMember(ground, shape, 0);
  const others = Array.from({ length: shape.members - 1 }, (_, i) => startMember(ground, shape, i + 1));
  return [first, ...(await Promise.all(others))];
}

async function startMember(
  ground: Ground,
  { name, members, lanes }: Shape,
  ordinal: number,
): Promise<Member> {
  const { brokers, prefix, resources } = ground;
  const env = {
    SHARDCAST_KAFKA_BROKERS: brokers.join(","),
    SHARDCAST_TOPIC_PREFIX: `${prefix}${name}.`,
    SHARDCAST_SERVICE: SERVICE,
    SHARDCAST_MEMBER: String(ordinal),
    SHARDCAST_LANES: String(lanes),
    SHARDCAST_REPLICAS: String(members),
  };
  const member = resources.add(new Member({ ordinal, env, onLane: () => {} }));
  await member.start();
  await member.ready();
  const share = lanes / members;
  if (member.lanes.length !== share) {
    throw new Error(`worker ${ordinal} of ${name} owns ${member.lanes.length} lanes, not ${share}`);
  }
  return member;
}

/** A second's cost, of all members together. */
function costOf(pairs: readonly (readonly [Usage, Usage])[]): Cost {
  let cpu = 0;
  let requests = 0;
  for (const [before, after] of pairs) {
    const elapsedMs = after.atMs - before.atMs;
    cpu += (after.cpuMs - before.cpuMs) / elapsedMs;
    requests += (sum(after.requests) - sum(before.requests)) / (elapsedMs / 1000);
  }
  if (requests === 0)
    throw new Error("no request was counted: the counter is broken, members never fall silent");
  return { cpu, requests };
}

function printCost({ name, against }: Shape, costs: ReadonlyMap<string, Cost>): void {
  for (const [what, unit] of [
    ["cpu", "CPU s/s"],
    ["requests", "requests/s"],
  ] as const) {
    const value = costs.get(name)?.[what] ?? 0;
    const other = against === undefined ? undefined : costs.get(against)?.[what];
    const compared =
      other === undefined ? {} : { against: `idle.${against}.${what}`, ratio: ratioOf(value, other) };
    printFigure({ name: `idle.${name}.${what}`, value, unit, ...compared });
  }
}

function byApiKey(pairs: readonly (readonly [Usage, Usage])[]): string {
  const counts = new Map<number, number>();
  for (const [before, after] of pairs) {
    for (const [key, count] of after.requests) {
      const asked = count - (before.requests.get(key) ?? 0);
      if (asked > 0) counts.set(key, (counts.get(key) ?? 0) + asked);
    }
  }
  return [...counts]
    .sort(([one], [other]) => one - other)
    .map(([key, count]) => `${key}: ${count}`)
    .join(", ");
}

function sum(counts: ReadonlyMap<number, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}
