import type { Log, LogReader, LogRecord } from "@shardcast/log";
import { decodeReply, headerText } from "@shardcast/protocol";
import { COLLECTOR, LANES, SERVICES } from "./settings.ts";

/** What is in the dead letters and what came for the collector, by where or for what it was. */
export class Traffic {
  readonly dead = new Map<string, { readonly code: string; readonly reason: string }>();
  readonly replies = new Map<string, { readonly status: number; readonly body: Buffer }>();
  readonly #reader: LogReader;

  private constructor(reader: LogReader) {
    this.#reader = reader;
  }

  static async open(log: Log): Promise<Traffic> {
    const topics = SERVICES.flatMap((service) => [`${service}.dead`, `${service}.replies`]);
    const onRecords = (records: readonly LogRecord[]) => {
      for (const record of records) traffic.#note(record);
    };
    const traffic: Traffic = new Traffic(await log.openReader({ topics, onRecords }));
    for (const service of SERVICES) {
      for (let lane = 0; lane < LANES; lane++) await traffic.#reader.start(`${service}.dead`, lane, "latest");
      await traffic.#reader.start(`${service}.replies`, COLLECTOR.partition, "latest");
    }
    return traffic;
  }

  clear(): void {
    this.dead.clear();
    this.replies.clear();
  }

  #note(record: LogRecord): void {
    if (record.topic.endsWith(".dead")) {
      const origin = headerText(record.headers, "sc-dead-origin");
      const code = headerText(record.headers, "sc-dead-code");
      const reason = headerText(record.headers, "sc-dead-reason");
      if (origin !== undefined && code !== undefined && reason !== undefined) {
        this.dead.set(origin, { code, reason });
      }
      return;
    }
    const reply = decodeReply(record);
    if (reply?.instance !== COLLECTOR.instance) return;
    this.replies.set(reply.id, { status: reply.status, body: reply.body });
  }
}
