import type { Log, LogRecord } from "@shardcast/log";
import {
  type AckAuthor,
  type BroadcastEnvelope,
  type BroadcastTopics,
  type ExpectedMember,
  ShardcastError,
} from "@shardcast/protocol";
import type { Logger } from "pino";
import type { RetryPolicy } from "../execution/execute.ts";
import { AckWriter } from "./acks.ts";
import type { BroadcastHandlers } from "./handlers.ts";
import { Inbox, type InboxOptions } from "./inbox.ts";
import { Runner, type RunnerOptions } from "./runner.ts";

/** What durable and ephemeral members have in common. */
export interface ReceptionSettings extends RetryPolicy {
  readonly log: Log;
  readonly topics: BroadcastTopics;
  readonly service: string;
  readonly member: string;
  readonly handlers: BroadcastHandlers;
  readonly broadcastConcurrency: number;
  readonly maxQueuedBroadcasts: number;
  readonly maxQueuedBytes: number;
  readonly logger: Logger;
}

export interface ReceptionOptions extends ReceptionSettings, Pick<InboxOptions, "from" | "onProgress"> {
  /** Slows it down (C7). */
  readonly reader: { pause(): void; resume(): void };
  readonly author: AckAuthor;
  /** What lies below and does not expect this member is not for it. */
  readonly actsFrom: number;
  readonly afterLanes: RunnerOptions["afterLanes"];
  /** Fires when no attempt may start any more. */
  readonly halted: AbortSignal;
}

/** Receives broadcasts for a member, and acts on them. */
export class Reception {
  readonly #over = new AbortController();
  readonly #inbox: Inbox;
  readonly #runner: Runner;

  constructor(options: ReceptionOptions) {
    const { log, topics, service, member, author, halted, logger, reader, actsFrom } = options;
    const scope = { service, member, halted, signal: this.#over.signal, logger };
    const isExpected = (envelope: BroadcastEnvelope) => expects(envelope.expected, author);
    this.#runner = new Runner({
      ...options,
      scope,
      concurrency: options.broadcastConcurrency,
      acks: new AckWriter({ log, topic: topics.acks.name, author, over: this.#over.signal, logger }),
      isExpected: ({ envelope }) => isExpected(envelope),
      onDone: (received) => this.#inbox.done(received),
    });
    this.#inbox = new Inbox({
      ...options,
      maxQueued: options.maxQueuedBroadcasts,
      pause: () => reader.pause(),
      resume: () => reader.resume(),
      isWanted: (envelope, offset) => isExpected(envelope) || (!envelope.targeted && offset >= actsFrom),
      onBroadcast: (received) => this.#runner.run(received),
    });
  }

  accept(records: readonly LogRecord[]): void {
    this.#inbox.accept(records);
  }

  /** What was there at the start was read: acts on it, and on all that comes. */
  begin(): void {
    this.#inbox.begin();
  }

  progress(): { readonly offset: number; readonly metadata: string } {
    return this.#inbox.snapshot();
  }

  /** To be called when no attempt may start any more: lets those that run finish within the grace time. */
  async finish(graceMs: number): Promise<void> {
    this.#inbox.close();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, graceMs);
    await Promise.race([this.#runner.idle(), late]);
    clearTimeout(timer);
    this.end(new ShardcastError("SHARDCAST_CLOSED", `not finished within ${graceMs} ms`));
  }

  /** What runs is told to stop, and counts no more. */
  end(reason: ShardcastError): void {
    this.#inbox.close();
    this.#over.abort(reason);
  }
}

function expects(expected: readonly ExpectedMember[], author: AckAuthor): boolean {
  const incarnation = "incarnation" in author ? author.incarnation : undefined;
  return expected.some((each) => each.member === author.member && each.incarnation === incarnation);
}
