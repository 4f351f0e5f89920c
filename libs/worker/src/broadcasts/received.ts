import type { BroadcastEnvelope } from "@shardcast/protocol";
import { Cancellation } from "../execution/cancellation.ts";

/** What a member that is expected takes in memory, about: there may be thousands. */
const MEMBER_BYTES = 64;

/** A broadcast that was read and has not ended here. */
export class ReceivedBroadcast {
  readonly offset: number;
  readonly envelope: BroadcastEnvelope;
  /** What it takes in memory, about. */
  readonly bytes: number;
  readonly cancellation = new Cancellation();

  constructor(offset: number, envelope: BroadcastEnvelope) {
    this.offset = offset;
    this.envelope = envelope;
    this.bytes = envelope.body.byteLength + envelope.expected.length * MEMBER_BYTES;
  }
}
