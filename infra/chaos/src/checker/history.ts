import type { BroadcastStatusJson, ControlRecord, RequestEnd } from "@shardcast/protocol";

/** A request as its handler met it. Times are milliseconds of the host's monotonic clock, the same for all processes. */
interface Handling {
  readonly key: string;
  readonly id: string;
  /** The caller's number, counted per key. */
  readonly n: number;
  readonly lane: number;
  readonly offset: number;
  /** Fencing token that the handler was given. */
  readonly token: number;
  readonly member: string;
  /** Names one worker in one process. */
  readonly incarnation: string;
  readonly attempt: number;
  readonly tMs: number;
}

export interface HandlerStart extends Handling {
  readonly event: "start";
  /** By how much the deadline had passed on the process's own wall clock; null without a deadline. */
  readonly lateMs: number | null;
}

export interface HandlerEnd extends Handling {
  readonly event: "end";
  readonly outcome: "done" | "threw";
  /** When the handler's signal had fired; null when it had not by then. */
  readonly abortedMs: number | null;
}

/** A lane's hook was called. */
export interface LaneEffect {
  readonly event: "acquired" | "released";
  readonly lane: number;
  readonly token: number;
  readonly member: string;
  readonly incarnation: string;
  readonly tMs: number;
}

/** A line of the effect log that all workers share. */
export type Effect = HandlerStart | HandlerEnd | LaneEffect;

/** A member at a broadcast, a line of the same log. */
export interface Act {
  /** `begun`: an attempt of its handler, which `acted` or `failed` ends. */
  readonly event: "begun" | "acted" | "failed";
  /** Of the broadcast. */
  readonly id: string;
  readonly n: number;
  readonly offset: number;
  readonly member: string;
  readonly incarnation: string;
  readonly attempt: number;
  /** By how much it had expired on the process's own wall clock. */
  readonly lateMs: number;
  readonly tMs: number;
}

/** What a caller may conclude from how its request ended. */
export type Conclusion =
  /** 2xx: accepted and done. What the handler wrote into its answer comes with it. */
  | {
      readonly kind: "done";
      readonly id: string;
      readonly answered: {
        readonly id: string;
        readonly key: string;
        readonly n: number;
        readonly token: number;
      };
    }
  /** An error that only the end of the request can give: its handler failed for good. */
  | { readonly kind: "failed"; readonly id: string; readonly code: string }
  /** Nothing: time-out, broken connection, or an error that leaves it open whether the request is on the log. */
  | { readonly kind: "unknown"; readonly why: string }
  /** Refused before it was accepted, or never sent. */
  | { readonly kind: "refused"; readonly why: string };

export interface CallerOutcome {
  readonly key: string;
  readonly n: number;
  readonly sentMs: number;
  readonly endedMs: number;
  readonly conclusion: Conclusion;
}

/** A record of the requests topic. */
export interface RequestOnLog {
  readonly id: string;
  readonly key: string;
  readonly n: number;
  readonly lane: number;
  readonly offset: number;
}

/** What came back to a caller, or whoever asked for it later. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A request that is recorded, as its caller saw it. */
export interface RecordedOutcome {
  readonly key: string;
  readonly n: number;
  /** `idempotent`: sent several times, to both gateways. `asynchronous`: accepted, and asked for in the end. */
  readonly kind: "idempotent" | "asynchronous";
  /** Undefined where nobody has accepted it. */
  readonly id: string | undefined;
  /** Somebody asked for it to be cancelled. */
  readonly cancelled: boolean;
  /** Final answers to its caller, one each time it was sent. */
  readonly answers: readonly Answer[];
  /** What each gateway said of it in the end, asked by its id. */
  readonly finals: readonly Answer[];
}

/** A broadcast that was accepted. */
export interface BroadcastOutcome {
  readonly n: number;
  readonly id: string;
  /** On the host's monotonic clock, when the answer had come. */
  readonly acceptedMs: number;
  readonly accepted: BroadcastStatusJson;
  /** What each gateway said of it in the end; undefined for one that did not know it. */
  readonly finals: readonly (BroadcastStatusJson | undefined)[];
}

/** How a recorded request ended, a record of the results topic. */
export interface EndOnLog extends Answer {
  readonly id: string;
  readonly lane: number;
  readonly offset: number;
  readonly token: number;
  readonly delivery: number;
  readonly end: RequestEnd;
}

/** A record of the replies topic. */
export interface ReplyOnLog {
  readonly id: string;
  readonly partition: number;
  readonly offset: number;
  readonly token: number | undefined;
  /** Code of the error it carries. */
  readonly error: string | undefined;
}

/** A mark on the replies topic: what follows with tokens up to these, by lane, is dropped. */
export interface MarkOnLog {
  readonly partition: number;
  readonly offset: number;
  readonly tokens: ReadonlyMap<number, number>;
}

export interface ControlOnLog {
  readonly offset: number;
  readonly record: ControlRecord;
}

/** Committed progress of a lane, as somebody read it. */
export interface ProgressSample {
  /** When the answer had come. */
  readonly tMs: number;
  readonly lane: number;
  readonly low: number;
  readonly doneAbove: readonly number[];
}

/** A fault as it was carried out. */
export interface FaultDone {
  readonly kind: string;
  /** The member it was done to, where it was one. */
  readonly member: string | undefined;
  readonly tMs: number;
  /** When it was undone. */
  readonly untilMs: number;
}

/** Everything that is known of a run. */
export interface History {
  readonly effects: readonly Effect[];
  readonly acts: readonly Act[];
  readonly broadcasts: readonly BroadcastOutcome[];
  readonly outcomes: readonly CallerOutcome[];
  /** Those that are not recorded; their outcome is what their caller got. */
  readonly requests: readonly RequestOnLog[];
  /** Those that are, each time that they were sent. */
  readonly recorded: readonly RequestOnLog[];
  readonly recordedOutcomes: readonly RecordedOutcome[];
  readonly ends: readonly EndOnLog[];
  readonly replies: readonly ReplyOnLog[];
  readonly marks: readonly MarkOnLog[];
  /** Ids of the requests in the dead letters. */
  readonly dead: ReadonlySet<string>;
  readonly control: readonly ControlOnLog[];
  /** Seen while the run lasted. */
  readonly progress: readonly ProgressSample[];
  /** When all had come to its end, and there had been time to record it; of the lanes that have any. */
  readonly finalProgress: readonly ProgressSample[];
  readonly faults: readonly FaultDone[];
}

export type Clause = "C1" | "C2" | "C3" | "C4" | "C5" | "C6" | "C8" | "C9" | "C10" | "served";

export interface Violation {
  readonly clause: Clause;
  readonly what: string;
  readonly evidence: unknown;
}
