/** Which member owns each lane: `lanes[i]` is the ordinal of lane i. `epoch` grows with every change. */
export interface ShardMap {
  readonly epoch: number;
  readonly replicas: number;
  readonly lanes: readonly number[];
}

/** The map of P = R: lane i belongs to ordinal i. */
export function identityMap(replicas: number, epoch = 0): ShardMap {
  if (!Number.isSafeInteger(replicas) || replicas < 1) {
    throw new RangeError(`replicas must be a positive integer, got ${replicas}`);
  }
  return { epoch, replicas, lanes: Array.from({ length: replicas }, (_, lane) => lane) };
}

/** The ordinal that owns a lane. Throws a RangeError for a lane the map does not have. */
export function ownerOf(map: ShardMap, lane: number): number {
  const ordinal = map.lanes[lane];
  if (ordinal === undefined)
    throw new RangeError(`lane ${lane} is not in a map of ${map.lanes.length} lanes`);
  return ordinal;
}

/** The lanes of one member, ascending. */
export function lanesOf(map: ShardMap, ordinal: number): number[] {
  return map.lanes.flatMap((owner, lane) => (owner === ordinal ? [lane] : []));
}
