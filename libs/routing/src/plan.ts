import type { ShardMap } from "./shard-map.ts";

/**
 * The next map: the lanes over the ordinals below `replicas` that are alive, balanced to ±1, with the fewest moves from
 * today's map. For P = R every ordinal alive has the lane of its own number, and only the others' lanes are spread.
 *
 * The same arguments give the same map, and the plan of a plan is the plan. When nothing changes, or nobody is alive, the
 * map itself comes back; otherwise its epoch is one greater.
 *
 * @throws {RangeError} `replicas` that is not a whole number from 0 on
 */
export function plan(
  map: ShardMap,
  replicas: number,
  alive: ReadonlySet<number> | readonly number[],
): ShardMap {
  if (!Number.isSafeInteger(replicas) || replicas < 0) {
    throw new RangeError(`replicas must be a whole number from 0 on, got ${replicas}`);
  }
  const isTarget = (ordinal: number) => Number.isSafeInteger(ordinal) && ordinal >= 0 && ordinal < replicas;
  const targets = [...new Set(alive)].filter(isTarget).sort((a, b) => a - b);
  if (targets.length === 0) return map;
  // Own lanes are one each: when the rest is balanced to ±1, so is the whole.
  const own = new Set(map.lanes.length === replicas ? targets : []);
  const rest = [...map.lanes.keys()].filter((lane) => !own.has(lane));
  const spread = spreadOver(targets, rest, map.lanes);
  const lanes = map.lanes.map((ordinal, lane) => (own.has(lane) ? lane : (spread.get(lane) ?? ordinal)));
  const same = replicas === map.replicas && lanes.every((ordinal, lane) => ordinal === map.lanes[lane]);
  return same ? map : { epoch: map.epoch + 1, replicas, lanes };
}

/** Lane to ordinal: each target keeps what it has up to its share, and what nobody keeps goes to who has room. */
function spreadOver(
  targets: readonly number[],
  lanes: readonly number[],
  today: readonly number[],
): ReadonlyMap<number, number> {
  const room = sharesOf(targets, lanes, today);
  const spread = new Map<number, number>();
  const give = (lane: number, ordinal: number): boolean => {
    const left = room.get(ordinal) ?? 0;
    if (left === 0) return false;
    room.set(ordinal, left - 1);
    spread.set(lane, ordinal);
    return true;
  };
  const homeless = lanes.filter((lane) => !give(lane, today[lane] as number));
  for (const lane of homeless) targets.some((ordinal) => give(lane, ordinal));
  return spread;
}

/** How many of the lanes each target gets. The odd ones go to whoever has the most today: theirs need not move. */
function sharesOf(
  targets: readonly number[],
  lanes: readonly number[],
  today: readonly number[],
): Map<number, number> {
  const held = new Map(targets.map((ordinal) => [ordinal, 0]));
  for (const lane of lanes) {
    const ordinal = today[lane] as number;
    const count = held.get(ordinal);
    if (count !== undefined) held.set(ordinal, count + 1);
  }
  const share = Math.floor(lanes.length / targets.length);
  const odd = lanes.length % targets.length;
  // The sort is stable: of equals the lower ordinal comes first.
  const byHeld = [...held].sort(([, a], [, b]) => b - a);
  return new Map(byHeld.map(([ordinal], rank) => [ordinal, share + (rank < odd ? 1 : 0)]));
}
