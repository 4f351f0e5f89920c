/** A record as it travels between fuzzer and target; bytes arrive as Uint8Array. */
export interface PlainRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, PlainHeader>>;
}

export type PlainHeader = Uint8Array | string | null | readonly (Uint8Array | string)[];

export type Job =
  /** Appends records and says what came of each. */
  | { readonly kind: "append"; readonly records: readonly PlainRecord[]; readonly limitMs: number }
  /** Brings the log to its usual content, collects garbage, and says what is held. */
  | { readonly kind: "measure"; readonly limitMs: number }
  /** Closes everything in order. */
  | { readonly kind: "close" };

/** What came of one record. */
export interface Fate {
  /** Where it lies. */
  readonly offset?: number;
  /** Why the log did not take it. */
  readonly refused?: string;
  /** The code its dead letter names. */
  readonly dead?: string;
  readonly deadReason?: string;
  /** The reply, when one went to the collector. */
  readonly status?: number;
  readonly body?: Uint8Array;
}

export interface StuckLane {
  readonly topic: string;
  readonly partition: number;
  /** The first record that is not done. */
  readonly lowWaterMark: number;
  readonly end: number;
}

export interface AppendResult {
  readonly fates: readonly Fate[];
  /** Lanes whose low-water mark did not reach the end in time. */
  readonly stuck: readonly StuckLane[];
  /** What came of the client's own requests, where it was not their answer. */
  readonly clientFaults: readonly string[];
}

export interface Holdings {
  readonly heapBytes: number;
  readonly pending: number;
  /** libuv's handles and requests, by kind. */
  readonly resources: Readonly<Record<string, number>>;
}

export type Answer =
  | { readonly kind: "ready"; readonly url: string }
  | { readonly kind: "done"; readonly result: AppendResult | Holdings | undefined }
  /** An exception that nobody caught. */
  | { readonly kind: "fault"; readonly what: string };
