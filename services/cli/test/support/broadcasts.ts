import type { Broadcast, BroadcastChange, HttpClient } from "@shardcast/http-client";
import type { BroadcastStatus, MemberOutcome } from "@shardcast/protocol";

export const ID = "0199c2a4e1b07d3f8a6512f09bd40002";
export const ACCEPTED_MS = Date.parse("2026-11-21T12:00:00Z");

export function member(name: string, progress: Partial<MemberOutcome> = {}): MemberOutcome {
  return { member: name, kind: "durable", state: "waiting", ...progress } as MemberOutcome;
}

export function acked(name: string, afterMs = 400): MemberOutcome {
  const reply = { status: 200, headers: {}, body: Buffer.alloc(0) };
  return member(name, { state: "acked", attempt: 1, atMs: ACCEPTED_MS + afterMs, reply });
}

export function failed(name: string, reason = "no disk"): MemberOutcome {
  const code = "SHARDCAST_ATTEMPTS_EXHAUSTED";
  return member(name, { state: "failed", attempts: 3, code, reason, atMs: ACCEPTED_MS + 2_000 });
}

export function retrying(name: string, reason = "no disk yet", attempt = 2): MemberOutcome {
  return member(name, { state: "retrying", attempt, reason, atMs: ACCEPTED_MS + 1_000 });
}

export function status(
  members: readonly MemberOutcome[],
  said: Partial<BroadcastStatus> = {},
): BroadcastStatus {
  return {
    id: ID,
    service: "accounts",
    handler: "reload",
    ack: "all",
    acceptedMs: ACCEPTED_MS,
    expiresMs: ACCEPTED_MS + 3_600_000,
    epoch: 1,
    verdict: "open",
    partial: true,
    members,
    ...said,
  };
}

export interface Script {
  readonly accepted: BroadcastStatus;
  readonly replayed?: boolean;
  /** What comes after; where it ends without everything final, nothing comes any more. */
  readonly later?: readonly BroadcastStatus[];
  /** Called when nothing comes any more. */
  readonly onSilence?: () => void;
}

export interface Asked {
  readonly service: string;
  readonly body: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** A client for one broadcast, and what it was asked for. */
export function scripted({ accepted, replayed = false, later = [], onSilence }: Script): {
  readonly client: Partial<HttpClient>;
  readonly asked: Asked[];
} {
  const asked: Asked[] = [];
  const broadcast = { id: accepted.id, accepted, replayed } as Broadcast;

  async function* events(
    _service: string,
    _id: string,
    { signal }: { signal?: AbortSignal } = {},
  ): AsyncGenerator<BroadcastChange> {
    let seq = 0;
    for (const status of [accepted, ...later]) yield { seq: seq++, members: status.members, status };
    const last = later.at(-1) ?? accepted;
    if (last.verdict !== "open") return;
    onSilence?.();
    await new Promise<void>((resolve) => {
      if (signal?.aborted) resolve();
      signal?.addEventListener("abort", () => resolve());
    });
  }

  const broadcasts = {
    status: async () => accepted,
    events,
    list: async () => ({ items: [accepted] }),
    cancel: async () => {},
    redrive: async (service: string, id: string, options = {}) => {
      asked.push({ service, body: id, options });
      return broadcast;
    },
  };
  return {
    asked,
    client: {
      broadcasts,
      broadcast: async (service, body, options = {}) => {
        asked.push({ service, body: Buffer.from(body as Uint8Array).toString(), options: { ...options } });
        return broadcast;
      },
    },
  };
}
