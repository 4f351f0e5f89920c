import type { WireRecord } from "@shardcast/protocol";

/** A record to append: what the protocol made of it, and where it goes. */
export interface AppendRecord extends WireRecord {
  readonly topic: string;
  readonly partition: number;
}
