import type { LaneProgress as CommittedProgress, LogRecord } from "@shardcast/log";
import { type BroadcastEnvelope, decodeBroadcast, ShardcastError } from "@shardcast/protocol";
import type { Logger } from "pino";
import { LaneProgress } from "../execution/lane-progress.ts";
import { ReceivedBroadcast } from "./received.ts";

export interface InboxOptions {
  readonly service: string;
  /** Where it goes on. */
  readonly from: Pick<CommittedProgress, "offset" | "metadata">;
  /** Broadcasts held in memory, and their bytes; reading pauses above it (C7). */
  readonly maxQueued: number;
  readonly maxQueuedBytes: number;
  readonly pause: () => void;
  readonly resume: () => void;
  /** Whether this member acts on it. */
  readonly isWanted: (envelope: BroadcastEnvelope, offset: number) => boolean;
  /** Takes it; {@link Inbox.done} tells its end. */
  readonly onBroadcast: (received: ReceivedBroadcast) => void;
  /** How far it is done may have changed. */
  readonly onProgress: () => void;
  readonly logger: Logger;
}

/** What was read, in the order of the log; nothing to act on where `received` is undefined. */
interface Read {
  readonly offset: number;
  readonly received: ReceivedBroadcast | undefined;
}

/** Ids that are remembered: of two broadcasts with one id the first on the log counts. */
const MAX_SEEN = 10_000;

/** Broadcasts between the reader and who acts on them. Bounded (C7): while it is full the reader pauses. */
export class Inbox {
  readonly #options: InboxOptions;
  readonly #progress: LaneProgress;
  /** Read and not yet admitted; once it has begun, the reader is paused while there are any. */
  #backlog: Read[] = [];
  readonly #open = new Set<ReceivedBroadcast>();
  readonly #seen = new Set<string>();
  #backlogBytes = 0;
  #openBytes = 0;
  #paused = false;
  #state: "waiting" | "begun" | "closed" = "waiting";

  constructor(options: InboxOptions) {
    this.#options = options;
    this.#progress = new LaneProgress(options.from.offset, options.from.metadata);
  }

  /** How far everything is done, and what is done above it. */
  snapshot(): { readonly offset: number; readonly metadata: string } {
    return this.#progress.snapshot();
  }

  accept(records: readonly LogRecord[]): void {
    if (this.#state === "closed") return;
    for (const record of records)
      this.#backlog.push({ offset: record.offset, received: this.#receive(record) });
    // What was there when it started is read first: a cancel behind a broadcast then comes before its handler.
    if (this.#state === "waiting" && this.#isFull(this.#backlog.length, this.#backlogBytes))
      this.#state = "begun";
    this.#goOn();
  }

  /** Hands out what was read so far, and all that comes. */
  begin(): void {
    if (this.#state !== "waiting") return;
    this.#state = "begun";
    this.#goOn();
  }

  /** It has ended here, and what there was to say is on the log. */
  done(received: ReceivedBroadcast): void {
    if (!this.#open.delete(received)) return;
    this.#openBytes -= received.bytes;
    this.#progress.complete(received.offset);
    this.#options.onProgress();
    this.#goOn();
  }

  /** Hands out nothing more. */
  close(): void {
    this.#state = "closed";
    this.#backlog = [];
    this.#options.pause();
  }

  #receive(record: LogRecord): ReceivedBroadcast | undefined {
    const { service, logger } = this.#options;
    const { offset } = record;
    const decoded = decodeBroadcast(record, service);
    switch (decoded.kind) {
      case "malformed":
        logger.warn({ offset, reason: decoded.reason }, "not a broadcast; passed over");
        return undefined;
      case "cancel":
        this.#cancel(decoded.id);
        return undefined;
      case "broadcast": {
        const { broadcast } = decoded;
        if (!this.#isFirst(broadcast.id)) return undefined;
        const received = new ReceivedBroadcast(offset, broadcast);
        this.#backlogBytes += received.bytes;
        return received;
      }
    }
  }

  #isFirst(id: string): boolean {
    if (this.#seen.has(id)) return false;
    this.#seen.add(id);
    if (this.#seen.size > MAX_SEEN) {
      const [oldest] = this.#seen;
      this.#seen.delete(oldest as string);
    }
    return true;
  }

  #cancel(id: string): void {
    const reason = new ShardcastError("SHARDCAST_CANCELLED", "the broadcast was cancelled");
    for (const received of this.#open) if (received.envelope.id === id) received.cancellation.request(reason);
    for (const { received } of this.#backlog)
      if (received?.envelope.id === id) received.cancellation.request(reason);
  }

  #goOn(): void {
    if (this.#state !== "begun") return;
    let admitted = 0;
    for (const read of this.#backlog) {
      if (this.#isFull(this.#open.size, this.#openBytes) || !this.#progress.hasRoomFor(read.offset)) break;
      admitted++;
      this.#admit(read);
    }
    this.#backlog.splice(0, admitted);
    if (admitted > 0) this.#options.onProgress();
    const full = this.#backlog.length > 0;
    if (full === this.#paused) return;
    this.#paused = full;
    if (full) this.#options.pause();
    else this.#options.resume();
  }

  #admit({ offset, received }: Read): void {
    const fresh = this.#progress.admit(offset);
    if (received !== undefined) this.#backlogBytes -= received.bytes;
    if (received !== undefined && fresh && this.#isWanted(received)) {
      this.#open.add(received);
      this.#openBytes += received.bytes;
      this.#options.onBroadcast(received);
    } else if (fresh) this.#progress.complete(offset);
  }

  /** What is over is passed over without a word: the gateways say so. */
  #isWanted({ envelope, offset, cancellation }: ReceivedBroadcast): boolean {
    if (cancellation.requested || Date.now() > envelope.expiresMs) return false;
    return this.#options.isWanted(envelope, offset);
  }

  #isFull(count: number, bytes: number): boolean {
    const { maxQueued, maxQueuedBytes } = this.#options;
    return count >= maxQueued || bytes >= maxQueuedBytes;
  }
}
