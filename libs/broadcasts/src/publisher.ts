import type { Attendance, Directory } from "@shardcast/control";
import { Coalesced, type Log } from "@shardcast/log";
import {
  ackPartitionOf,
  type BroadcastEnvelope,
  type BroadcastTopics,
  encodeAck,
  encodeBroadcast,
  encodeBroadcastCancel,
  fingerprintOf,
  idempotentBroadcastId,
  newBroadcastId,
  ShardcastError,
} from "@shardcast/protocol";
import type { BroadcastDraft, Published, RedriveOptions } from "./broadcasts.ts";
import { checkDraft, compose } from "./draft.ts";
import { overloaded, unknown } from "./errors.ts";
import { expectNow, type Members, stillExists } from "./expected.ts";
import type { Follower } from "./follower.ts";
import type { KnownBroadcast, KnownBroadcasts } from "./known-broadcasts.ts";
import { patiently } from "./patience.ts";
import { readBack } from "./read-back.ts";
import type { KeeperWord } from "./words.ts";

export interface PublisherParts {
  readonly log: Log;
  readonly service: string;
  readonly topics: BroadcastTopics;
  readonly known: KnownBroadcasts;
  readonly follower: Follower;
  readonly directory: Directory;
  readonly attendance: Attendance;
  readonly replicas: number;
  readonly retentionMs: number;
  readonly maxOpen: number;
}

/** Bodies that are read again at once (C7). */
const MAX_READ_BACK = 8;

/** Puts broadcasts on the log, and what their senders say of them afterwards. */
export class Publisher {
  readonly #parts: PublisherParts;
  readonly #sync: Coalesced<void>;
  readonly #catchUp: Coalesced<void>;
  /** On their way to the log. */
  #publishing = 0;
  #readingBack = 0;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
    this.#sync = new Coalesced(() => parts.attendance.sync());
    this.#catchUp = new Coalesced(async () => {
      const [range] = await parts.log.rangesOf(parts.topics.broadcast.name);
      await parts.follower.reached(range?.high ?? 0);
    });
  }

  async publish(draft: BroadcastDraft): Promise<Published> {
    const { service, retentionMs, known } = this.#parts;
    const checked = checkDraft(draft, retentionMs);
    const { idempotencyKey } = checked;
    const id =
      idempotencyKey === undefined ? newBroadcastId() : idempotentBroadcastId(service, idempotencyKey);
    await this.#restored();
    const before = known.get(id);
    if (before !== undefined) return replayOf(before, checked);
    return this.#within(async () => {
      const { certain, ...expectation } = expectNow(await this.#members());
      if (!certain && checked.ack.kind !== "none") {
        const detail = "it is not known yet how many replicas there are to be";
        throw new ShardcastError("SHARDCAST_NO_MEMBERS", detail);
      }
      return this.#append(compose(checked, { ...expectation, id, service, targeted: false }));
    });
  }

  async redrive(id: string, { ttlMs, ack }: RedriveOptions = {}): Promise<Published> {
    const { service, retentionMs } = this.#parts;
    await this.#restored();
    const before = this.#get(id);
    const { terms, roster } = before.state;
    const lasted = Math.min(Math.max(terms.expiresMs - terms.acceptedMs, 1), retentionMs);
    const asked = { handler: terms.handler, body: Buffer.alloc(0), ttlMs: ttlMs ?? lasted };
    checkDraft(ack === undefined ? asked : { ...asked, ack }, retentionMs);
    return this.#within(async () => {
      const members = await this.#members();
      const epoch = members.state.map?.epoch ?? 0;
      const unfinished = before.state.outcomes.flatMap(({ state }, place) => {
        const each = roster.expected[place];
        return each !== undefined && (state === "failed" || state === "expired" || state === "cancelled")
          ? [each]
          : [];
      });
      const expected = unfinished.filter((each) => stillExists(members, each));
      if (expected.length === 0) {
        throw new ShardcastError("SHARDCAST_NO_MEMBERS", "no member is left that has not done it and could");
      }
      const { body, headers, contentType, traceparent } = await this.#readBack(before);
      const draft = checkDraft(
        {
          ...{ ...asked, body, headers },
          ...(ack === undefined ? {} : { ack }),
          ...(contentType === undefined ? {} : { contentType }),
          ...(traceparent === undefined ? {} : { traceparent }),
        },
        retentionMs,
      );
      const circumstances = { id: newBroadcastId(), service, targeted: true, redriveOf: id };
      return this.#append(compose(draft, { ...circumstances, epoch, expected }));
    });
  }

  async cancel(id: string): Promise<void> {
    const { log, service, topics } = this.#parts;
    await this.#restored();
    if (this.#get(id).state.complete) {
      throw new ShardcastError(
        "SHARDCAST_ALREADY_ENDED",
        `everything final has been said of broadcast ${id}`,
      );
    }
    const { name: topic } = topics.broadcast;
    await log.append({ topic, partition: 0, ...encodeBroadcastCancel(service, id) });
    await this.say({ kind: "closed", id, atMs: Date.now(), why: "cancelled" });
  }

  /** Resolves when every broadcast is known that is on the log now. Rejects as the log does. */
  async caughtUp(): Promise<void> {
    await this.#restored();
    await patiently(this.#catchUp.ask(), "reading the newest broadcasts");
  }

  /** Says something of a broadcast that no member can say; resolves once it is known here. Rejects as the log does. */
  async say(word: KeeperWord): Promise<void> {
    const { log, topics, follower } = this.#parts;
    const partition = ackPartitionOf(word.id) ?? 0;
    const { offset } = await log.append({ topic: topics.acks.name, partition, ...encodeAck(word) });
    await patiently(follower.reachedAck(partition, offset + 1), "reading an acknowledgement back");
  }

  async #append(broadcast: BroadcastEnvelope): Promise<Published> {
    const { log, topics, known, follower } = this.#parts;
    const { name: topic } = topics.broadcast;
    const { offset } = await log.append({ topic, partition: 0, ...encodeBroadcast(broadcast) });
    await patiently(follower.reached(offset + 1), "reading a broadcast back");
    const found = known.get(broadcast.id);
    if (found === undefined) throw overloaded("too many broadcasts at once; this one is on the log");
    // Of one without a key there is no other; a driver that repeats itself may have put it there twice.
    const isAnother = found.offset !== offset && found.fingerprint !== undefined;
    if (isAnother) return replayOf(found, broadcast); // it was first
    return { status: found.state.status, replayed: false };
  }

  /** C7: no more than so many are open. */
  async #within(publish: () => Promise<Published>): Promise<Published> {
    const { known, maxOpen } = this.#parts;
    if (known.incompleteCount + this.#publishing >= maxOpen || known.full) {
      throw overloaded(
        `${known.incompleteCount} broadcasts are open already, or their replies take too much`,
      );
    }
    this.#publishing++;
    try {
      return await publish();
    } finally {
      this.#publishing--;
    }
  }

  async #readBack({ state, offset }: KnownBroadcast): Promise<BroadcastEnvelope> {
    const { log, service, topics } = this.#parts;
    if (this.#readingBack >= MAX_READ_BACK) throw overloaded("too many broadcasts are sent again at once");
    this.#readingBack++;
    try {
      const found = await readBack(log, { service, topic: topics.broadcast.name, offset });
      if (found === undefined) throw unknown(state.terms.id);
      return found;
    } finally {
      this.#readingBack--;
    }
  }

  #get(id: string): KnownBroadcast {
    const found = this.#parts.known.get(id);
    if (found === undefined) throw unknown(id);
    return found;
  }

  /** Who there is, by all that is on the log. */
  async #members(): Promise<Members> {
    const { directory, attendance, replicas } = this.#parts;
    await patiently(this.#sync.ask(), "reading who the members are");
    return { state: directory.state, attendance, replicas };
  }

  /** Not before everything is known that was asked before. */
  async #restored(): Promise<void> {
    const { log, follower } = this.#parts;
    if (!log.available) throw new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "the log is away");
    await patiently(follower.restored, "reading the broadcasts that there are");
  }
}

/** @throws {ShardcastError} SHARDCAST_IDEMPOTENCY_MISMATCH (C5) */
function replayOf(
  { state, fingerprint }: KnownBroadcast,
  asked: Pick<BroadcastEnvelope, "handler" | "body"> & { readonly contentType?: string },
): Published {
  if (fingerprint !== fingerprintOf(asked)) {
    const detail = "the idempotency key was used for another broadcast before";
    throw new ShardcastError("SHARDCAST_IDEMPOTENCY_MISMATCH", detail);
  }
  return { status: state.status, replayed: true };
}
