import type { CommitOutcome, Log, MemberSession } from "@shardcast/log";
import {
  type ControlRecord,
  encodeControl,
  groupOf,
  isShardcastError,
  type ServiceTopics,
  topicsOf,
} from "@shardcast/protocol";
import type { Logger } from "pino";
import type { LaneState } from "./control-state.ts";
import type { Directory } from "./directory.ts";
import { fenceReplies } from "./fence-replies.ts";
import { orAborted, waitUntil } from "./monotonic.ts";

export interface FenceMemberOptions {
  readonly log: Log;
  readonly directory: Directory;
  readonly service: string;
  readonly topicPrefix?: string;
  /** Who is silent. */
  readonly member: string;
  /** The shortest wait before the lanes are released, milliseconds; longer where the owner said that its lease is. */
  readonly leaseMs: number;
  /** Stops at the next step, e.g. because the member speaks again. */
  readonly signal: AbortSignal;
  readonly logger?: Logger;
}

/**
 * - `released`: whoever the map names may take its lanes at once.
 * - `returned`: it has come back, and what it owns is its own affair.
 * - `failed`: not known how far it came; to be tried again.
 */
export type FenceMemberOutcome = "released" | "returned" | "failed";

type Owned = Extract<LaneState, { kind: "owned" }>;

/**
 * Takes the lanes from a member that is silent (decision 010). Safe whoever calls it, however often, and wherever it ends:
 *
 * - S1 All of it is written in the member's own session. When the member, or anybody in its name, opens the next one,
 *   nothing of ours is written any more.
 * - S2 What the member owns is looked up after it is fenced and the directory has caught up: it can not change any more.
 * - S3 The marks on the replies come after `fenced`: from there on the incarnation that wrote them can not keep its lanes.
 * - S4 They, and the release, come only when every lease must have run out, counted from when the member was fenced (C2).
 */
export async function fenceMember(options: FenceMemberOptions): Promise<FenceMemberOutcome> {
  const { log, directory, service, topicPrefix: prefix = "", member, signal, logger } = options;
  const topics = topicsOf(service, { lanes: 1, prefix });
  const silent = directory.state.member(member)?.incarnation;
  let session: MemberSession | undefined;
  try {
    signal.throwIfAborted();
    session = await log.openSession({
      service: groupOf(service, prefix),
      member,
      topic: topics.requests.name,
    });
    const outcome = await takeLanes(options, topics, session, silent);
    logger?.warn({ member, outcome }, "fenced a silent member");
    return outcome;
  } catch (error) {
    // While the log is away this is tried again and again, and the driver has said so.
    const level = isShardcastError(error) && error.code === "SHARDCAST_LOG_UNAVAILABLE" ? "debug" : "warn";
    if (!signal.aborted) logger?.[level]({ member, err: error }, "could not fence a silent member yet");
    return "failed";
  } finally {
    await session?.close().catch(() => undefined);
  }
}

async function takeLanes(
  { log, directory, member, leaseMs, signal }: FenceMemberOptions,
  topics: ServiceTopics,
  session: MemberSession,
  silent: string | undefined,
): Promise<FenceMemberOutcome> {
  const fencedAtMs = performance.now();
  const commit = async (records: readonly ControlRecord[]): Promise<"committed" | FenceMemberOutcome> => {
    signal.throwIfAborted();
    const { name: topic } = topics.control;
    return outcomeOf(
      await session.commit({
        records: records.map((record) => ({ topic, partition: 0, ...encodeControl(record) })), // S1
      }),
    );
  };

  await orAborted(directory.sync(), signal); // S2
  const state = directory.state.member(member);
  if (state?.incarnation !== silent) return "returned";
  if (state?.state === "up") {
    const { incarnation } = state;
    const fenced = await commit([{ kind: "member", state: "fenced", member, incarnation }]); // S3
    if (fenced !== "committed") return fenced;
  }

  const owned = lanesOwnedBy(directory, member);
  if (owned.size === 0) return "released";
  const leasesMs = [...owned.values()].map((lane) => lane.leaseMs);
  await waitUntil(fencedAtMs + Math.max(leaseMs, ...leasesMs), signal); // S4
  const tokens = new Map([...owned].map(([lane, { token }]) => [lane, token]));
  await fenceReplies(log, topics, tokens);
  const released = await commit(
    [...tokens].map(([lane, token]) => {
      const progress = directory.state.progress(lane);
      return {
        ...{ kind: "lane", state: "released", lane, member, token },
        ...(progress === undefined ? {} : { progress }),
      };
    }),
  );
  return released === "committed" ? "released" : released;
}

function lanesOwnedBy({ state }: Directory, member: string): Map<number, Owned> {
  const owned = new Map<number, Owned>();
  for (const [lane, owner] of state.lanes()) {
    if (owner.kind === "owned" && owner.member === member) owned.set(lane, owner);
  }
  return owned;
}

function outcomeOf({ kind }: CommitOutcome): "committed" | FenceMemberOutcome {
  if (kind === "committed") return "committed";
  return kind === "fenced" ? "returned" : "failed";
}
