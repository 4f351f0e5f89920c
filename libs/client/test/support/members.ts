import {
  type AckRecord,
  ackPartitionOf,
  type BroadcastEnvelope,
  broadcastTopicsOf,
  decodeBroadcast,
  encodeAck,
} from "@shardcast/protocol";
import type { Client, ConnectOptions } from "../../src/index.ts";
import { connectTo, type FakeService, SERVICE, startService } from "./service.ts";

type Acked = Extract<AckRecord, { kind: "acked" }>;

/** A service whose members, "0", "1" and "2", are played by the test. */
export class Members {
  readonly service: FakeService;
  readonly #topics = broadcastTopicsOf(SERVICE);

  private constructor(service: FakeService) {
    this.service = service;
  }

  static async start(): Promise<Members> {
    const members = new Members(await startService());
    await members.service.log.ensureTopics(Object.values(members.#topics));
    return members;
  }

  client(options: Partial<ConnectOptions> = {}): Promise<Client> {
    return connectTo(this.service, { services: { [SERVICE]: { replicas: 3 } }, ...options });
  }

  acked(id: string, member: string, fields: Partial<Acked> = {}): Promise<void> {
    const said = { id, author: { member, token: 1 }, atMs: Date.now(), attempt: 1 };
    const body = Buffer.from(`of ${member}`);
    return this.#say(id, { kind: "acked", ...said, status: 200, headers: {}, body, ...fields });
  }

  failed(id: string, member: string): Promise<void> {
    const said = { id, author: { member, token: 1 }, atMs: Date.now(), attempt: 3 };
    return this.#say(id, {
      kind: "failed",
      ...said,
      code: "SHARDCAST_ATTEMPTS_EXHAUSTED",
      reason: "no room",
    });
  }

  running(id: string, member: string): Promise<void> {
    return this.#say(id, {
      kind: "running",
      id,
      author: { member, token: 1 },
      atMs: Date.now(),
      attempt: 1,
    });
  }

  /** What was published, as it lies on the log. */
  published(): readonly BroadcastEnvelope[] {
    const records = this.service.cluster.partition(this.#topics.broadcast.name, 0)?.read(0, 1_000) ?? [];
    return records.flatMap((record) => {
      const decoded = decodeBroadcast(record, SERVICE);
      return decoded.kind === "broadcast" ? [decoded.broadcast] : [];
    });
  }

  async #say(id: string, ack: AckRecord): Promise<void> {
    const partition = ackPartitionOf(id) as number;
    await this.service.log.append({ topic: this.#topics.acks.name, partition, ...encodeAck(ack) });
  }
}
