import { z } from "zod";
import type { IncomingRecord, WireRecord } from "./record.ts";
import { readVersion, VERSION_HEADER, VERSION_VALUE } from "./version.ts";

const BEAT = "beat/";

const text = z.string().min(1).max(1_024);
const whole = z.number().int().min(0);

/** How far a lane is done at least, as in a commit's offset and metadata. True for ever once it is written. */
const progress = z.object({ offset: whole, metadata: z.string().max(4_096) });

const map = z.object({
  kind: z.literal("map"),
  epoch: whole,
  replicas: whole.min(1),
  /** Ordinal of each lane's owner to be. */
  lanes: z.array(whole).readonly(),
});

const owned = z.object({
  kind: z.literal("lane"),
  state: z.literal("owned"),
  lane: whole,
  member: text,
  /** One life of the member's worker; a process may have several. */
  incarnation: text,
  /** What holds the incarnation: the pod's uid, or a name for the process. Two lives of one uid never overlap. */
  uid: text,
  /** Handlers start within so many milliseconds of a renewal, never later (C2). */
  leaseMs: whole,
  url: text.optional(),
  /** The fencing token where it is not this record's own offset: the owner says again what it said before. */
  token: whole.optional(),
  /** What the releases before it said: compaction may drop them. */
  progress: progress.optional(),
});

const released = z.object({
  kind: z.literal("lane"),
  state: z.literal("released"),
  lane: whole,
  /** In whose name. */
  member: text,
  /** The fencing token that ends with it. */
  token: whole.optional(),
  /** Seen by the next owner at once, while the group's offsets wait for the end of the commit that writes both. */
  progress: progress.optional(),
});

const up = z.object({
  kind: z.literal("member"),
  state: z.literal("up"),
  member: text,
  incarnation: text,
  uid: text,
  leaseMs: whole,
  url: text.optional(),
  /** It takes broadcasts: they expect it, also while it is down. */
  broadcasts: z.literal(true).optional(),
  /** Offset of this incarnation's first record, where this is not it. */
  since: whole.optional(),
});

const ended = z.object({
  kind: z.literal("member"),
  /** `left`: it stopped in order. `fenced`: the planner has ended it for its silence. */
  state: z.enum(["left", "fenced"]),
  member: text,
  incarnation: text,
});

const beat = z.object({
  kind: z.literal("beat"),
  member: text,
  incarnation: text,
  /** A member that has no lanes and no place that is kept for it: broadcasts expect it only while it beats. */
  ephemeral: z.literal(true).optional(),
});

/** What is left of an ephemeral member: a record without a value, so that compaction forgets it. */
const gone = z.object({ kind: z.literal("gone"), member: text });

const planner = z.object({
  kind: z.literal("planner"),
  state: z.enum(["up", "beat", "left"]),
  /** The process that plans. */
  holder: text,
});

const record = z.union([map, owned, released, up, ended, beat, planner]);

/**
 * What travels on `S.control`.
 *
 * `map`, `lane`, `member` and a planner's `up` are written in sessions, so only whoever holds the name they speak for
 * can write them. Heartbeats are plain appends: they say that somebody lives, nothing else may rest on them.
 */
export type ControlRecord = Readonly<z.infer<typeof record>> | GoneRecord;
export type GoneRecord = Readonly<z.infer<typeof gone>>;
export type RecordedProgress = Readonly<z.infer<typeof progress>>;
export type MapRecord = Readonly<z.infer<typeof map>>;
export type OwnedRecord = Readonly<z.infer<typeof owned>>;
export type ReleasedRecord = Readonly<z.infer<typeof released>>;
export type MemberUpRecord = Readonly<z.infer<typeof up>>;
export type MemberEndedRecord = Readonly<z.infer<typeof ended>>;

/** The record; what speaks of the same thing has the same key, so compaction keeps the newest. */
export function encodeControl(control: ControlRecord): WireRecord {
  return {
    key: Buffer.from(keyOf(control)),
    value: control.kind === "gone" ? null : Buffer.from(JSON.stringify(control)),
    headers: { [VERSION_HEADER]: VERSION_VALUE },
  };
}

/** What a record of `S.control` says, undefined when it is none of ours; never throws, whatever the bytes. */
export function decodeControl({ headers, key, value }: IncomingRecord): ControlRecord | undefined {
  if (readVersion(headers).kind !== "ours") return undefined;
  if (value === null) {
    const name = key?.toString("utf8") ?? "";
    return name.startsWith(BEAT)
      ? gone.safeParse({ kind: "gone", member: name.slice(BEAT.length) }).data
      : undefined;
  }
  try {
    return record.safeParse(JSON.parse(value.toString("utf8"))).data;
  } catch {
    return undefined;
  }
}

function keyOf(control: ControlRecord): string {
  switch (control.kind) {
    case "map":
      return "map";
    case "lane":
      return `lane/${control.lane}`;
    case "member":
      return `member/${control.member}`;
    case "beat":
    case "gone":
      return `${BEAT}${control.member}`;
    case "planner":
      return control.state === "beat" ? "planner/beat" : "planner";
  }
}
