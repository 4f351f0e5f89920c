import { assertProgress } from "../driver/index.ts";
import type { CommitOutcome, CommitWork, MemberSession, SessionOptions } from "../session.ts";
import type { MemoryCluster } from "./memory-cluster.ts";
import { assertAvailable, assertFits, closedError, partitionOf, refusedError } from "./refusals.ts";

type State =
  | { readonly kind: "holding" }
  | { readonly kind: "over"; readonly outcome: CommitOutcome }
  | { readonly kind: "closed" };

/** Opens a session, which fences the one before of the same service and member (C2). */
export function openMemorySession(
  cluster: MemoryCluster,
  { service, member, topic }: SessionOptions,
  onClose: (session: MemberSession) => void,
): MemberSession {
  const epoch = cluster.nextEpoch(service, member);
  let state: State = { kind: "holding" };

  /** Without an await: nobody can see half of it, and it is done before the next call. */
  function commitNow({ progress = [], records = [] }: CommitWork): CommitOutcome {
    try {
      assertAvailable(cluster);
      if (cluster.epochOf(service, member) !== epoch) return { kind: "fenced" };
      for (const { lane } of progress) {
        if (cluster.partition(topic, lane) === undefined) throw refusedError(`${topic} has no lane ${lane}`);
      }
      // all partitions are found before anything is written
      const writes = records.map((record) => ({ record, partition: partitionOf(cluster, record) }));
      for (const { lane, offset, metadata } of progress) {
        cluster.saveProgress(service, topic, Object.freeze({ lane, offset, metadata }));
      }
      const offsets = writes.map(({ record, partition }) => partition.append(record));
      if (offsets.length > 0) cluster.notify();
      return { kind: "committed", offsets };
    } catch (cause) {
      return { kind: "broken", cause };
    }
  }

  const session: MemberSession = {
    async commit(work) {
      if (state.kind === "closed") throw closedError("session");
      for (const one of work.progress ?? []) assertProgress(one);
      for (const record of work.records ?? []) assertFits(cluster, record);
      if (state.kind === "over") return state.outcome;
      const outcome = commitNow(work);
      if (outcome.kind !== "committed") state = { kind: "over", outcome };
      return outcome;
    },

    async close() {
      state = { kind: "closed" };
      onClose(session);
    },
  };
  return session;
}
