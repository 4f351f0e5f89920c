import { broadcastTopicsOf, newId, topicsOf } from "@shardcast/protocol";
import type { ResolvedSubscriberOptions } from "../subscriber-options.ts";
import { BroadcastReader } from "./broadcast-reader.ts";
import { Presence } from "./presence.ts";
import { Reception, type ReceptionSettings } from "./reception.ts";

export interface EphemeralOptions
  extends Omit<ReceptionSettings, "topics">,
    Pick<ResolvedSubscriberOptions, "topicPrefix" | "catchUp" | "broadcastRetentionMs"> {
  /** Fires when no attempt may start any more. */
  readonly halted: AbortSignal;
}

/**
 * The broadcasts of a member that has no place which is kept while it is down: it is expected while it lives (C6). Each start is
 * another incarnation, and no position is kept.
 */
export class EphemeralMember {
  readonly #reader: BroadcastReader;
  readonly #reception: Reception;
  readonly #presence: Presence;

  /** Reads before it announces itself: what expects it then is not missed. @throws what the log throws */
  static async join(options: EphemeralOptions): Promise<EphemeralMember> {
    const { log, service, member, topicPrefix: prefix, broadcastRetentionMs: retentionMs } = options;
    const topics = broadcastTopicsOf(service, { prefix, retentionMs });
    const { control } = topicsOf(service, { lanes: 1, prefix });
    await log.ensureTopics([control, topics.broadcast, topics.acks]);
    const reader = await BroadcastReader.open(log, topics.broadcast.name);
    try {
      const author = { member, incarnation: newId() };
      const { low, high } = await reader.range();
      const offset = options.catchUp === "ttl" ? low : high;
      const reception = new Reception({
        ...options,
        topics,
        reader,
        author,
        from: { offset, metadata: "" },
        actsFrom: offset,
        afterLanes: undefined,
        onProgress: () => {},
      });
      await reader.start(reception, offset, high);
      const presence = await Presence.announce({ log, control: control.name, ...author });
      return new EphemeralMember(reader, reception, presence);
    } catch (error) {
      await reader.close();
      throw error;
    }
  }

  private constructor(reader: BroadcastReader, reception: Reception, presence: Presence) {
    this.#reader = reader;
    this.#reception = reception;
    this.#presence = presence;
  }

  /** Lets those that run finish within the grace time, then says that it is gone: what is expected of it counts until then. */
  async leave(graceMs: number): Promise<void> {
    await this.#reception.finish(graceMs);
    await this.#presence.leave();
    await this.#reader.close();
  }
}
