import { Coalesced, type Log } from "@shardcast/log";
import { encodeCancel, laneOfRequestId, ShardcastError, timeOfRequestId } from "@shardcast/protocol";
import type { Results } from "@shardcast/results";
import { closedError } from "./closed-error.ts";
import { Lookups } from "./lookups.ts";
import { nextEnd, statusEvents } from "./news.ts";
import type { EventOptions, ResultOptions } from "./options.ts";
import { abortedError } from "./pending.ts";
import type { Route, Routes } from "./routes.ts";
import { type RequestStatus, statusOf } from "./status.ts";

export interface RecordedParts {
  readonly log: Log;
  readonly routes: Routes;
  readonly topicPrefix: string;
  /** Opens the results of a service, or joins who did. */
  readonly results: (service: string) => Promise<Results>;
  readonly maxDelayMs: number;
  /** Fires when the client closes. */
  readonly closing: AbortSignal;
}

/** Where a request that may be known is to be found. */
interface Place {
  readonly route: Route;
  readonly lane: number;
  readonly results: Results;
}

/** Requests that are asked for by their ids. */
export class Recorded {
  readonly #parts: RecordedParts;
  readonly #lookups: Lookups;
  readonly #catchingUp = new Map<string, Coalesced<void>>();

  constructor(parts: RecordedParts) {
    this.#parts = parts;
    this.#lookups = new Lookups(parts.log, parts.topicPrefix);
  }

  async result(service: string, id: string, { waitMs = 0, signal }: ResultOptions): Promise<RequestStatus> {
    const { results } = await this.#find(service, id);
    if (waitMs > 0 && results.get(id)?.kind !== "ended") {
      await nextEnd(results, id, { waitMs, signals: this.#endsOf(signal) });
      if (signal?.aborted) throw abortedError(signal, id);
      if (this.#parts.closing.aborted) throw closedError();
      // Still nothing: it may have turned out that there is no such request.
      if (results.get(id) === undefined) await this.#find(service, id);
    }
    return statusOf(id, results.get(id));
  }

  async *events(
    service: string,
    id: string,
    { signal }: EventOptions,
  ): AsyncGenerator<RequestStatus, void, undefined> {
    const { results } = await this.#find(service, id);
    const stillThere = async () => {
      await this.#find(service, id);
    };
    yield* statusEvents(results, id, { signals: this.#endsOf(signal), stillThere });
  }

  async cancel(service: string, id: string): Promise<void> {
    const { route, lane, results } = await this.#find(service, id);
    if (results.get(id)?.kind === "ended") {
      throw new ShardcastError("SHARDCAST_ALREADY_ENDED", "the request has ended", {
        extensions: { requestId: id },
      });
    }
    await this.appendCancel(route, lane, id);
  }

  /** Puts it behind what was appended to the lane before, also if that is not confirmed yet. */
  async appendCancel({ service, topics }: Route, lane: number, id: string): Promise<void> {
    const topic = topics.requests.name;
    await this.#parts.log.append({ topic, partition: lane, ...encodeCancel(service, id) });
  }

  /** Throws SHARDCAST_UNKNOWN_REQUEST unless something is known of it, or may yet come (decision 012). */
  async #find(service: string, id: string): Promise<Place> {
    const route = await this.#parts.routes.get(service);
    const lane = laneOfRequestId(id, route.lanes.length);
    if (lane === undefined) throw unknown();
    const results = await this.#parts.results(service);
    const place = { route, lane, results };
    if (results.get(id) !== undefined) return place;
    const madeMs = timeOfRequestId(id);
    // Delayed as long as may be, it would have ended, and that would be forgotten.
    const keptMs = results.retentionMs + this.#parts.maxDelayMs;
    if (madeMs !== undefined && madeMs + keptMs < Date.now()) throw unknown();
    if (await this.#lookups.mayCome(route, lane, id)) return place;
    await this.#caughtUp(service, lane, results).ask();
    if (results.get(id) === undefined) throw unknown();
    return place;
  }

  #caughtUp(service: string, lane: number, results: Results): Coalesced<void> {
    const name = `${service}/${lane}`;
    const known = this.#catchingUp.get(name);
    if (known !== undefined) return known;
    const catchingUp = new Coalesced(() => results.caughtUp(lane));
    this.#catchingUp.set(name, catchingUp);
    return catchingUp;
  }

  #endsOf(signal: AbortSignal | undefined): readonly AbortSignal[] {
    return signal === undefined ? [this.#parts.closing] : [this.#parts.closing, signal];
  }
}

function unknown(): ShardcastError {
  return new ShardcastError("SHARDCAST_UNKNOWN_REQUEST", "no request of this id is known");
}
