import type { AppendRecord, Log, LogRecord } from "@shardcast/log";
import type { DeadLetter, ParkedPlace, RedrivenMarker, ServiceTopics } from "@shardcast/protocol";
import type { ListParts } from "./list.ts";
import type { Selection } from "./selection.ts";

export const MAX_SETTLED = 10_000;
export const DEFAULT_SETTLED = 1_000;

export interface SettleOptions extends Selection {
  /** Ids of requests, at most {@link MAX_SETTLED}: only their letters. */
  readonly ids?: readonly string[];
  /** Says what would be done, and does nothing. Default false. */
  readonly dryRun?: boolean;
  /** Most letters that are judged, up to {@link MAX_SETTLED}. Default {@link DEFAULT_SETTLED}. */
  readonly limit?: number;
  /** Of a report before: goes on where that one ended. */
  readonly cursor?: string;
  /** Ends it after the commit under way; the report then says how far it came. */
  readonly signal?: AbortSignal;
}

/** What became of one letter. */
export type LetterOutcome = { readonly lane: number; readonly offset: number; readonly id?: string } & (
  | { readonly outcome: RedrivenMarker["how"] }
  | { readonly outcome: "skipped"; readonly reason: SkipReason }
);

export interface SettleReport {
  /** As the markers have it. */
  readonly redriveId: string;
  /** True: nothing was done, the counts say what would be. */
  readonly dryRun: boolean;
  /** Letters that fit the selection and were not settled yet. */
  readonly matched: number;
  readonly redriven: number;
  readonly discarded: number;
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
  /** Letters that fit as well, but were settled before. */
  readonly settledBefore: number;
  /** One for each that matched, by lane and offset. */
  readonly outcomes: readonly LetterOutcome[];
  /** Of a redrive of one key that was parked: it is so still. */
  readonly parked?: true;
  /** Set when not everything was looked at. */
  readonly cursor?: string;
}

export interface SettleParts extends ListParts {
  readonly log: Log;
  readonly service: string;
  readonly prefix: string;
  readonly topics: ServiceTopics;
}

/** Why a letter stays as it is. */
export type SkipReason =
  /** Its request is no longer whole; the origin may still have it. */
  | "truncated"
  /** The record never was a request. */
  | "not-a-request"
  /** The record can not be read as a request. */
  | "unreadable"
  | "redriven-too-often"
  /** The log would not take the request. */
  | "too-large"
  /** An earlier letter of its parked key stays, and it can not go before that (C1). */
  | "behind-parked";

/** What becomes of a letter. */
export type Verdict =
  | { readonly kind: "settle"; readonly request?: AppendRecord }
  | { readonly kind: "skip"; readonly reason: SkipReason };

/** What is done with letters. */
export interface Plan {
  readonly how: RedrivenMarker["how"];
  /** As the markers have it. */
  readonly redriveId: string;
  /** @param parked where the letter's key is parked */
  readonly judge: (record: LogRecord, letter: DeadLetter, parked?: ParkedPlace) => Verdict;
  readonly ratePerSecond?: number;
}

/** The owner of the lane was asked to unpark a key, which had no letters behind this offset then. */
export interface Unparking {
  readonly lane: number;
  readonly upTo: number;
}
