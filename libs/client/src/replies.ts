import type { Log, LogReader, LogRecord } from "@shardcast/log";
import { decodeReply, decodeReplyFence, type ReplyAddress, replyInstance } from "@shardcast/protocol";
import { murmur2Lane } from "@shardcast/routing";
import type { Logger } from "pino";
import { Fences } from "./fences.ts";
import type { Pending } from "./pending.ts";
import type { Route } from "./routes.ts";

export interface ReplyListenerOptions {
  readonly instance: string;
  readonly pending: Pending;
  /** Told of each reply that was dropped because its owner had lost the lane (C4). */
  readonly onStale: () => void;
  readonly logger: Logger | undefined;
}

/**
 * Listens to this instance's one partition of a service's replies, and drops what is not its own by header: no
 * partition is handed out, so any number of instances come and go without a rebalance.
 */
export class ReplyListener {
  readonly address: ReplyAddress;
  readonly #options: ReplyListenerOptions;
  readonly #fences: Fences;
  #reader: LogReader | undefined;

  private constructor(route: Route, address: ReplyAddress, options: ReplyListenerOptions) {
    this.address = address;
    this.#options = options;
    this.#fences = new Fences(route.lanes.length);
  }

  /** Resolves when no reply to a request that is published from now on can be missed. */
  static async open(log: Log, route: Route, options: ReplyListenerOptions): Promise<ReplyListener> {
    const topic = route.topics.replies.name;
    const partitions = (await log.partitionsOf(topic)) ?? route.topics.replies.partitions;
    const { instance } = options;
    const partition = murmur2Lane(instance, partitions);
    const listener = new ReplyListener(route, { partition, instance }, options);
    listener.#reader = await log.openReader({
      topics: [topic],
      // With the first fetch: started later, the first reply could have to wait for an idle one to end.
      start: [{ topic, partition, from: "latest" }],
      onRecords: (records) => {
        for (const record of records) listener.#take(record);
      },
    });
    return listener;
  }

  async close(): Promise<void> {
    await this.#reader?.close();
  }

  #take(record: LogRecord): void {
    const to = replyInstance(record);
    if (to === this.address.instance) {
      this.#settle(record);
    } else if (to === undefined) {
      const fence = decodeReplyFence(record);
      if (fence !== undefined) this.#fences.note(fence);
    }
  }

  #settle(record: LogRecord): void {
    const { pending, onStale, logger } = this.#options;
    const { topic, partition, offset } = record;
    const reply = decodeReply(record);
    if (reply === undefined) {
      logger?.warn({ topic, partition, offset }, "not a reply; dropped");
      return;
    }
    const { id, correlation, fencingToken } = reply;
    const lane = pending.laneOf(correlation ?? id);
    if (lane !== undefined && this.#fences.isOver(lane.number, fencingToken)) {
      // C4: it goes on waiting, for the lane's rightful owner.
      onStale();
      logger?.warn({ id, lane: lane.number, fencingToken }, "reply of an owner that lost the lane; dropped");
      return;
    }
    if (!pending.settle(reply))
      logger?.debug({ id }, "reply came when nobody waited for it any more; dropped");
  }
}
