import type { Log } from "@shardcast/log";
import { encodeControl } from "@shardcast/protocol";

export interface PresenceOptions {
  readonly log: Log;
  /** Name of the control topic. */
  readonly control: string;
  readonly member: string;
  readonly incarnation: string;
}

const BEAT_MS = 1_000;

/** Tells that an ephemeral member lives: broadcasts expect it only while it says so. */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #timer: NodeJS.Timeout;

  /** Resolves when it is announced. @throws what the log throws */
  static async announce(options: PresenceOptions): Promise<Presence> {
    await beat(options);
    return new Presence(options);
  }

  private constructor(options: PresenceOptions) {
    this.#options = options;
    this.#timer = setInterval(() => {
      beat(options).catch(() => {}); // the next one comes soon
    }, BEAT_MS);
  }

  /** Says that it is gone, where that is possible. Never rejects. */
  async leave(): Promise<void> {
    clearInterval(this.#timer);
    const { log, control: topic, member } = this.#options;
    // If it can not be said, silence says it.
    await log.append({ topic, partition: 0, ...encodeControl({ kind: "gone", member }) }).catch(() => {});
  }
}

async function beat({ log, control: topic, member, incarnation }: PresenceOptions): Promise<void> {
  const said = encodeControl({ kind: "beat", member, incarnation, ephemeral: true });
  await log.append({ topic, partition: 0, ...said });
}
