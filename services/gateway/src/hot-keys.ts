import { HotLane, type HotLaneReport } from "./hot-lane.ts";

export interface HotKeysOptions {
  /** A monotonic clock, milliseconds. */
  readonly nowMs?: () => number;
  /** From 0 to below 1. */
  readonly random?: () => number;
}

/** Which keys of each lane this process is asked for most. */
export class HotKeys {
  readonly #nowMs: () => number;
  readonly #random: () => number;
  /** By service and number. */
  readonly #lanes = new Map<string, HotLane[]>();

  constructor({ nowMs = () => performance.now(), random = Math.random }: HotKeysOptions = {}) {
    this.#nowMs = nowMs;
    this.#random = random;
  }

  /** Takes note of a request. */
  saw(service: string, lane: number, key: Buffer): void {
    let lanes = this.#lanes.get(service);
    if (lanes === undefined) {
      lanes = [];
      this.#lanes.set(service, lanes);
    }
    let hot = lanes[lane];
    if (hot === undefined) {
      hot = new HotLane(this.#random);
      lanes[lane] = hot;
    }
    hot.saw(key, this.#nowMs());
  }

  /** The lanes of a service that were asked in the last minute, by number. */
  of(service: string): ReadonlyMap<number, HotLaneReport> {
    const nowMs = this.#nowMs();
    const reports = new Map<number, HotLaneReport>();
    this.#lanes.get(service)?.forEach((hot, lane) => {
      const report = hot.report(nowMs);
      if (report.requests > 0) reports.set(lane, report);
    });
    return reports;
  }
}
