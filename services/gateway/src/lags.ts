import type { Log } from "@shardcast/log";
import { groupOf, topicsOf } from "@shardcast/protocol";
import type { Logger } from "pino";
import { bounded } from "./bounded.ts";

/** How long a caller waits for them. An answer that comes later is lost, the next caller asks again. */
const PATIENCE_MS = 1_000;

export interface LagsOptions {
  readonly log: Log;
  readonly topicPrefix: string;
  readonly logger: Logger;
}

/** How many requests of each lane are not done yet. The log is asked once at a time for a service, for all who ask (C7). */
export class Lags {
  readonly #options: LagsOptions;
  readonly #asking = new Map<string, Promise<readonly number[] | undefined>>();

  constructor(options: LagsOptions) {
    this.#options = options;
  }

  /** By lane; undefined when the log does not answer, or not in time. */
  of(service: string): Promise<readonly number[] | undefined> {
    let asking = this.#asking.get(service);
    if (asking === undefined) {
      asking = this.#ask(service).finally(() => this.#asking.delete(service));
      this.#asking.set(service, asking);
    }
    return bounded(asking, PATIENCE_MS);
  }

  async #ask(service: string): Promise<readonly number[] | undefined> {
    const { log, topicPrefix: prefix, logger } = this.#options;
    const topic = topicsOf(service, { lanes: 1, prefix }).requests.name;
    try {
      // In this order: progress that is read after the ends can only be ahead of them, never behind by what came since.
      const ranges = await log.rangesOf(topic);
      const done = await log.progressOf(groupOf(service, prefix), topic);
      return ranges.map(({ low, high }, lane) => Math.max(0, high - (done.get(lane)?.offset ?? low)));
    } catch (error) {
      logger.debug({ err: error, service }, "the log did not say how far the lanes are");
      return undefined;
    }
  }
}
