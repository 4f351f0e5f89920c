import type { Log } from "@shardcast/log";
import { type ControlRecord, encodeControl, topicsOf } from "@shardcast/protocol";

/** Writes on a service's control topic in a member's name, as its worker or the planner would. Resolves to the offsets. */
export async function writeControl(
  log: Log,
  service: string,
  member: string,
  records: readonly ControlRecord[],
  prefix = "",
): Promise<readonly number[]> {
  const { requests, control } = topicsOf(service, { lanes: 1, prefix });
  const session = await log.openSession({ service: `${prefix}${service}`, member, topic: requests.name });
  try {
    const outcome = await session.commit({
      records: records.map((record) => ({ topic: control.name, partition: 0, ...encodeControl(record) })),
    });
    if (outcome.kind !== "committed") throw new Error(`not written: ${outcome.kind}`);
    return outcome.offsets;
  } finally {
    await session.close();
  }
}

/** A member's life, by hand. */
export function forgedMember(member: string, url?: string) {
  const life = {
    member,
    incarnation: `${member}-life`,
    uid: `${member}-uid`,
    leaseMs: 1_500,
    ...(url === undefined ? {} : { url }),
  };
  return {
    up: (): ControlRecord => ({ kind: "member", state: "up", ...life }),
    left: (): ControlRecord => ({ kind: "member", state: "left", member, incarnation: life.incarnation }),
    beat: (): ControlRecord => ({ kind: "beat", member, incarnation: life.incarnation }),
    owned: (lane: number): ControlRecord => ({ kind: "lane", state: "owned", lane, ...life }),
    released: (lane: number): ControlRecord => ({ kind: "lane", state: "released", lane, member }),
  };
}
