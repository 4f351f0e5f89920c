import type { AppendRecord } from "@shardcast/log";
import type { RecordedProgress } from "@shardcast/protocol";
import type { Member } from "./member.ts";

export interface LaneRecordsOptions {
  readonly member: Member;
  readonly name: string;
  readonly uid: string;
  readonly leaseMs: number;
  readonly url: string | undefined;
}

/** What this member writes about lanes. */
export class LaneRecords {
  readonly #options: LaneRecordsOptions;

  constructor(options: LaneRecordsOptions) {
    this.#options = options;
  }

  /**
   * @param progress how far the lane is known to be done
   * @param token the one it has already, when it only says so again
   */
  owned(lane: number, progress: RecordedProgress | undefined, token?: number): AppendRecord {
    const { member, name, uid, leaseMs, url } = this.#options;
    return member.record({
      kind: "lane",
      state: "owned",
      lane,
      member: name,
      incarnation: member.incarnation,
      uid,
      leaseMs,
      ...(url === undefined ? {} : { url }),
      ...(token === undefined ? {} : { token }),
      ...said(progress),
    });
  }

  /** @param token the one that ends */
  released(lane: number, token: number, progress: RecordedProgress | undefined): AppendRecord {
    const { member, name } = this.#options;
    return member.record({
      ...{ kind: "lane", state: "released", lane, member: name, token },
      ...said(progress),
    });
  }
}

function said(progress: RecordedProgress | undefined): { readonly progress?: RecordedProgress } {
  if (progress === undefined) return {};
  const { offset, metadata } = progress;
  return { progress: { offset, metadata } };
}
