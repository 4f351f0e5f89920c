import { Random } from "@shardcast/infra-random";
import { type PodFault, type PodFaultKind, ROLL_OUTS, type RollOut } from "./pod-fault.ts";

export interface PodScheduleOptions {
  readonly seed: number;
  readonly kinds: readonly PodFaultKind[];
  /** The replicas that a scaling goes through, over and over. */
  readonly scales: readonly number[];
}

/** A fault, and how long after the one before it is over. */
export type PlannedPodFault = PodFault & { readonly pauseMs: number };

/** What people do most comes most often. */
const TIMES: Readonly<Partial<Record<PodFaultKind, number>>> = { scale: 2, "delete-pod": 2 };

/**
 * The faults of a run, made of the seed alone, without an end. One after another: how long each takes is up to Kubernetes. Each kind
 * comes before any comes again.
 */
export function* podScheduleOf({
  seed,
  kinds,
  scales,
}: PodScheduleOptions): Generator<PlannedPodFault, undefined> {
  const random = new Random(seed);
  let scaled = 0;
  let rolled = 0;
  while (kinds.length > 0) {
    const deck = kinds.flatMap((kind) => Array.from({ length: TIMES[kind] ?? 1 }, () => kind));
    for (const kind of random.shuffled(deck)) yield { pauseMs: random.between(500, 2_500), ...draw(kind) };
  }

  function draw(kind: PodFaultKind): PodFault {
    switch (kind) {
      case "scale":
        return { kind, replicas: scales[scaled++ % scales.length] as number };
      case "rollout":
        return { kind, how: ROLL_OUTS[rolled++ % ROLL_OUTS.length] as RollOut };
      case "delete-pod":
        return { kind, pick: random.between(0, 1_000) };
      case "restart-api":
        return { kind, downMs: random.between(500, 5_000) };
      case "lose-node":
        return { kind, pick: random.between(0, 1_000), downMs: random.between(8_000, 15_000) };
      case "freeze-node":
        return { kind, pick: random.between(0, 1_000), forMs: random.between(2_000, 9_000) };
    }
  }
}
