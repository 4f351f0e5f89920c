import { ShardcastError } from "@shardcast/protocol";
import {
  type CommitOutcome,
  type LaneProgress,
  MAX_METADATA_BYTES,
  type MemberSession,
  type SessionOptions,
} from "../session.ts";
import type { MemoryCluster } from "./memory-cluster.ts";
import { assertAvailable, closedError } from "./refusals.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is the rule, control characters included
const ASCII = /^[\u0000-\u007f]*$/;

/** Opens a session, which fences the one before of the same service and member (C2). */
export function openMemorySession(
  cluster: MemoryCluster,
  { service, member, topic }: SessionOptions,
  onClose: (session: MemberSession) => void,
): MemberSession {
  const epoch = cluster.nextEpoch(service, member);
  const taken = new Set<number>();
  let closed = false;
  let tail: Promise<unknown> = Promise.resolve();

  const isFenced = () => cluster.epochOf(service, member) !== epoch;

  /** One commit after the other, in the order of the calls; a failed one does not stop the next. */
  function inTurn<T>(step: () => T): Promise<T> {
    const turn = tail.then(step);
    tail = turn.catch(() => undefined);
    return turn;
  }

  function commitNow(progress: readonly LaneProgress[]): CommitOutcome {
    for (const one of progress) assertCommittable(one, taken);
    if (!cluster.available) return { kind: "unavailable", cause: new Error("the log is not available") };
    if (isFenced()) return { kind: "fenced" };
    for (const one of progress) cluster.saveProgress(service, topic, one);
    return { kind: "committed" };
  }

  const session: MemberSession = {
    async take(lane) {
      if (closed) throw closedError("session");
      assertAvailable(cluster);
      if (isFenced()) {
        throw new ShardcastError("SHARDCAST_FENCED", `a newer session of ${service}/${member} exists`);
      }
      const partition = cluster.partition(topic, lane);
      if (partition === undefined) throw new RangeError(`${topic} has no lane ${lane}`);
      taken.add(lane);
      const committed = cluster.progressOf(service, topic, lane);
      return committed ?? { lane, offset: partition.earliest, metadata: "" };
    },

    async commit(progress) {
      if (closed) throw closedError("session");
      const copy = copyProgress(progress);
      return inTurn(() => commitNow(copy));
    },

    async giveUp(progress) {
      if (closed) throw closedError("session");
      const copy = copyProgress(progress);
      return inTurn(() => {
        const outcome = commitNow(copy);
        // kept while it is not known whether the commit arrived, so that it can be tried again
        if (outcome.kind !== "unavailable") for (const { lane } of copy) taken.delete(lane);
        return outcome;
      });
    },

    async close() {
      closed = true;
      await tail; // what was called before the close still ends
      onClose(session);
    },
  };
  return session;
}

/** A copy, because commits wait for their turn and the caller may go on counting meanwhile. */
function copyProgress(progress: readonly LaneProgress[]): LaneProgress[] {
  return progress.map(({ lane, offset, metadata }) => Object.freeze({ lane, offset, metadata }));
}

function assertCommittable({ lane, offset, metadata }: LaneProgress, taken: ReadonlySet<number>): void {
  if (!taken.has(lane)) throw new RangeError(`lane ${lane} is not taken by this session`);
  if (!Number.isSafeInteger(offset) || offset < 0) throw new RangeError(`${offset} is not an offset`);
  if (metadata.length > MAX_METADATA_BYTES || !ASCII.test(metadata)) {
    throw new RangeError(`metadata of lane ${lane}: at most ${MAX_METADATA_BYTES} bytes of ASCII`);
  }
}
