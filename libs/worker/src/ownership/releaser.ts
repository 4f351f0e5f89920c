import type { Directory } from "@shardcast/control";
import type { HeldLane } from "./held-lane.ts";
import type { LaneRecords } from "./lane-records.ts";
import type { Member } from "./member.ts";

export interface ReleaserOptions {
  readonly member: Member;
  readonly directory: Directory;
  readonly records: LaneRecords;
  /** Resolves when no commit is under way that says more of the lane than its own progress does. */
  readonly settled: (lane: number) => Promise<void>;
  readonly onReleased: (held: HeldLane) => void;
}

/**
 * Gives drained lanes back, those that are ready together in one commit. `released` says how far the lane is done, since
 * it is read before the commit has ended, and the group's offsets only after (C10).
 */
export class Releaser {
  readonly #options: ReleaserOptions;
  #ready: HeldLane[] = [];
  #running: Promise<void> | undefined;

  constructor(options: ReleaserOptions) {
    this.#options = options;
  }

  add(held: HeldLane): void {
    this.#ready.push(held);
    // With the others of the same moment: a lane that goes first alone makes the rest wait for a commit more.
    if (this.#ready.length === 1) setImmediate(() => this.run());
  }

  /** Goes on with what is ready; called again when the session holds again. */
  run(): void {
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined;
      if (this.#ready.length > 0 && this.#options.member.holding) this.run();
    });
  }

  async #work(): Promise<void> {
    const { member, directory, records, settled, onReleased } = this.#options;
    while (member.holding) {
      const ready = this.#ready.splice(0);
      await Promise.all(ready.map(({ lane }) => settled(lane)));
      const batch = ready.filter(({ state }) => state === "releasing"); // it may have been lost meanwhile
      if (batch.length === 0) return;
      const progress = batch.map((held) => held.snapshot());
      const given = batch.map(({ lane, token }, i) => records.released(lane, token, progress[i]));
      const offsets = await member.commit({ progress, records: given });
      if (offsets === undefined) {
        this.#ready.push(...batch);
        return;
      }
      // Until it is read back, the topic would seem to say that the lane is held.
      await directory.reached((offsets.at(-1) as number) + 1).catch(() => {});
      for (const held of batch) {
        if (held.state === "releasing") onReleased(held);
      }
    }
  }
}
