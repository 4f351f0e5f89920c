import { Random } from "@shardcast/infra-random";
import type { Fault, FaultKind } from "./fault.ts";

export interface ScheduleOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly kinds: readonly FaultKind[];
  readonly replicas: number;
  /** The replicas that a scaling goes through, over and over. */
  readonly scales: readonly number[];
}

/** A fault, and when it begins, milliseconds after the load. */
export type Planned = Fault & { readonly atMs: number };

const FIRST_MS = 2_000;
/** No fault begins so shortly before the end. */
const LAST_MS = 1_500;
const HOUR_MS = 3_600_000;

/** What ownership has to survive above all comes twice as often. */
const OFTEN: ReadonlySet<FaultKind> = new Set(["kill-worker", "stop-worker"]);

/** How long the faulty one is expected to take after the fault is undone, until it is of use again. */
const RECOVERY_MS = 2_500;

/**
 * The faults of a run, made of the seed alone. They overlap a little, but one worker at least is always left alone,
 * and so is one gateway. Each kind comes once, or twice, before any comes more often.
 */
export function scheduleOf({
  seed,
  seconds,
  kinds,
  replicas: initial,
  scales: steps,
}: ScheduleOptions): Planned[] {
  const random = new Random(seed);
  const planned: Planned[] = [];
  /** Until when each is in trouble. */
  const busyMs = new Map<string, number>();
  let replicas = initial;
  let scales = 0;
  let deck: FaultKind[] = [];
  if (kinds.length === 0) return [];

  for (let atMs = FIRST_MS; atMs < seconds * 1_000 - LAST_MS; atMs += random.between(1_000, 3_000)) {
    const free = (name: string) => (busyMs.get(name) ?? 0) <= atMs;
    const members = Array.from({ length: replicas }, (_, member) => member);
    const whole = members.filter((member) => free(`member ${member}`));
    // The last whole worker stays whole; while all of them change, none gets a fault of its own.
    const victims = whole.length > 1 && free("all") ? whole : [];
    const gateways = [0, 1].filter(() => free("gateway"));
    const possible = (kind: FaultKind) => {
      if (kind === "roll") return free("all") && whole.length > 1;
      if (kind === "scale") return free("all") && whole.some((member) => member < nextReplicas());
      if (kind === "restart-broker" || kind === "stop-broker") return free("broker");
      if (kind === "kill-gateway" || kind === "stop-gateway") return gateways.length > 0;
      return victims.length > 0;
    };
    if (deck.length === 0)
      deck = random.shuffled(kinds.flatMap((kind) => [kind, ...(OFTEN.has(kind) ? [kind] : [])]));
    const at = deck.findIndex(possible);
    if (at < 0) continue;
    const [kind] = deck.splice(at, 1) as [FaultKind];
    const fault = draw(kind);
    planned.push({ atMs, ...fault });
    const [who, forMs] = trouble(fault);
    busyMs.set(who, atMs + forMs + RECOVERY_MS);

    function nextReplicas(): number {
      return steps[scales % steps.length] as number;
    }

    function draw(kind: FaultKind): Fault {
      switch (kind) {
        case "kill-worker":
          return {
            kind,
            member: random.pick(victims),
            downMs: random.chance(0.5) ? 0 : random.between(1_000, 8_000),
          };
        case "stop-worker":
          return { kind, member: random.pick(victims), forMs: random.between(4_000, 12_000) };
        case "kill-gateway":
          return { kind, gateway: random.pick(gateways), downMs: random.between(0, 3_000) };
        case "stop-gateway":
          return { kind, gateway: random.pick(gateways), forMs: random.between(1_000, 6_000) };
        case "stop-broker":
          return { kind, forMs: random.between(1_000, 6_000) };
        case "slow-link": {
          const delayMs = random.between(20, 400);
          return { kind, member: random.pick(victims), delayMs, forMs: random.between(2_000, 6_000) };
        }
        case "cut-link": {
          const how = random.pick(["cut", "hold"] as const);
          return { kind, member: random.pick(victims), how, forMs: random.between(1_000, 8_000) };
        }
        case "clock": {
          const byMs = random.pick([-HOUR_MS, HOUR_MS]);
          return { kind, member: random.pick(victims), byMs, forMs: random.between(1_000, 4_000) };
        }
        case "scale":
          replicas = nextReplicas();
          scales++;
          return { kind, replicas };
        case "roll":
        case "restart-broker":
          return { kind };
      }
    }

    function trouble(fault: Fault): [who: string, forMs: number] {
      switch (fault.kind) {
        case "kill-worker":
          return [`member ${fault.member}`, fault.downMs];
        case "stop-worker":
        case "slow-link":
        case "cut-link":
        case "clock":
          return [`member ${fault.member}`, fault.forMs];
        case "kill-gateway":
          return ["gateway", fault.downMs];
        case "stop-gateway":
          return ["gateway", fault.forMs];
        case "restart-broker":
          return ["broker", 6_000];
        case "stop-broker":
          return ["broker", fault.forMs];
        case "roll":
        case "scale":
          return ["all", members.length * 1_500];
      }
    }
  }
  return planned;
}
