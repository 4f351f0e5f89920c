/** Which member owns each lane: `lanes[i]` is the ordinal of lane i. `epoch` grows with every change. */
export interface ShardMap {
  readonly epoch: number;
  readonly replicas: number;
  readonly lanes: readonly number[];
}

/**
 * Where a service begins: lane i belongs to ordinal i mod R, which is the identity for P = R. Everybody computes the same,
 * so members may begin before anybody has planned.
 */
export function initialMap(lanes: number, replicas: number, epoch = 0): ShardMap {
  assertCount("lanes", lanes);
  assertCount("replicas", replicas);
  return { epoch, replicas, lanes: Array.from({ length: lanes }, (_, lane) => lane % replicas) };
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

function assertCount(what: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`${what} must be a positive integer, got ${value}`);
  }
}
