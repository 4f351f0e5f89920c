import type { LogRecord } from "@shardcast/log";
import { type DecodedRequest, decodeRequest, headerText } from "@shardcast/protocol";
import { Cancellation } from "./cancellation.ts";

/** What a lane does with a record that it has admitted and that has not ended. */
type State =
  /** In its key's chain. */
  | { readonly kind: "queued" }
  /** Not in a chain before its time has come; `timer` puts it there. */
  | { readonly kind: "delayed"; readonly timer: NodeJS.Timeout }
  /** On its way to the end of the lane. */
  | { readonly kind: "moving" }
  | { readonly kind: "running" }
  /** Cancelled before its turn: it ends now. What waits for its turn waits for this. */
  | { readonly kind: "ending"; readonly ended: Promise<void> };

/** A record of a lane, from its admission to its end. */
export class AdmittedRequest {
  readonly record: LogRecord;
  /** What requests are in order by. */
  readonly key: string;
  readonly bytes: number;
  readonly cancellation = new Cancellation();
  state: State = QUEUED;

  constructor(record: LogRecord, key: string) {
    this.record = record;
    this.key = key;
    this.bytes = record.value?.byteLength ?? 0;
  }

  get offset(): number {
    return this.record.offset;
  }

  /** As {@link decode} would find it, for less; for looking it up only. Empty for what is none: that can not be cancelled. */
  get id(): string {
    if (Object.hasOwn(this.record.headers, "sc-kind")) return "";
    return headerText(this.record.headers, "sc-id") ?? originOf(this.record);
  }

  decode(service: string): DecodedRequest {
    return decodeRequest(this.record, service, originOf(this.record));
  }
}

const QUEUED: State = { kind: "queued" };

/** The id of a request in a record that says none. */
export function originOf({ topic, partition, offset }: LogRecord): string {
  return `${topic}-${partition}-${offset}`;
}
