import type { Log } from "@shardcast/log";
import { encodeControl } from "@shardcast/protocol";
import type { Logger } from "pino";
import type { ControlChange, ControlState } from "./control-state.ts";
import { Presence } from "./presence.ts";

export interface EphemeralSweepOptions {
  readonly log: Log;
  /** Of `S.control`. */
  readonly topic: string;
  readonly state: ControlState;
  /** Ephemeral members that are silent for so long are forgotten, milliseconds. */
  readonly forgetAfterMs: number;
  /** How often the planner's own beats are written. */
  readonly beatMs: number;
  /** Now, on the monotonic clock. */
  readonly atMs: number;
  readonly logger: Logger | undefined;
}

/** Written at once: more wait for the next beat. */
const BATCH = 100;

/**
 * Writes `gone` for ephemeral members that died without a word. Each pod has a name of its own, and compaction keeps the last beat
 * of every name: without this they would pile up (C7). Plain appends: one too many is undone by the member's next beat.
 */
export class EphemeralSweep {
  readonly #options: EphemeralSweepOptions;
  readonly #presence: Presence;
  #writing = false;

  constructor(options: EphemeralSweepOptions) {
    const { forgetAfterMs: reassignAfterMs, beatMs, atMs } = options;
    this.#options = options;
    this.#presence = new Presence({ reassignAfterMs, beatMs, atMs });
  }

  onChange(change: ControlChange): void {
    if (change.kind === "beat" && this.#options.state.ephemeral(change.member) !== undefined) {
      this.#presence.heard(change.member);
    }
    if (change.kind === "gone") this.#presence.forget(change.member);
  }

  /** The planner's own beat came back, at `atMs` of the monotonic clock. */
  ownBeat(atMs: number): void {
    this.#presence.ownBeat(atMs);
    if (!this.#writing) void this.#forgetSilent();
  }

  async #forgetSilent(): Promise<void> {
    const { log, topic, state, logger } = this.#options;
    const silent: string[] = [];
    for (const member of state.ephemerals()) {
      if (this.#presence.isSilent(member)) silent.push(member);
      if (silent.length === BATCH) break;
    }
    if (silent.length === 0) return;
    this.#writing = true;
    try {
      await Promise.all(
        silent.map(async (member) =>
          log.append({ topic, partition: 0, ...encodeControl({ kind: "gone", member }) }),
        ),
      );
      logger?.info({ members: silent.length }, "forgot ephemeral members that are silent");
    } catch (error) {
      logger?.debug({ err: error }, "silent ephemeral members could not be forgotten yet");
    }
    this.#writing = false;
  }
}
