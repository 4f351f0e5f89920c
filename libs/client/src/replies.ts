import type { Log, LogReader, LogRecord } from "@shardcast/log";
import { decodeReply, type ReplyAddress, replyInstance } from "@shardcast/protocol";
import { murmur2Lane } from "@shardcast/routing";
import type { Logger } from "pino";
import type { Pending } from "./pending.ts";
import type { Route } from "./routes.ts";

/**
 * Listens to this instance's one partition of a service's replies, and drops what is not its own by header: no
 * partition is handed out, so any number of instances come and go without a rebalance.
 */
export class ReplyListener {
  readonly address: ReplyAddress;
  readonly #reader: LogReader;

  private constructor(address: ReplyAddress, reader: LogReader) {
    this.address = address;
    this.#reader = reader;
  }

  /** Resolves when no reply to a request that is published from now on can be missed. */
  static async open(
    log: Log,
    route: Route,
    { instance, pending, logger }: { instance: string; pending: Pending; logger: Logger | undefined },
  ): Promise<ReplyListener> {
    const topic = route.topics.replies.name;
    const partitions = (await log.partitionsOf(topic)) ?? route.topics.replies.partitions;
    const address = { partition: murmur2Lane(instance, partitions), instance };
    const onRecords = (records: readonly LogRecord[]) => {
      for (const record of records) {
        if (replyInstance(record) !== instance) continue;
        const reply = decodeReply(record);
        if (reply === undefined) {
          logger?.warn({ topic, partition: record.partition, offset: record.offset }, "not a reply; dropped");
        } else if (!pending.settle(reply)) {
          logger?.debug({ id: reply.id }, "reply came when nobody waited for it any more; dropped");
        }
      }
    };
    const reader = await log.openReader({ topics: [topic], onRecords });
    try {
      await reader.start(topic, address.partition, "latest");
    } catch (error) {
      await reader.close();
      throw error;
    }
    return new ReplyListener(address, reader);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}
