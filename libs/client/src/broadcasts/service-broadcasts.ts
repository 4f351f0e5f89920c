import type {
  BroadcastChange,
  BroadcastPage,
  BroadcastQuery,
  Broadcasts,
  Published,
} from "@shardcast/broadcasts";
import { ackPartitionOf, type BroadcastStatus } from "@shardcast/protocol";
import { closedError } from "../closed-error.ts";
import { timeoutOf, waitOf } from "../durations.ts";
import type { Body } from "../options.ts";
import type {
  Broadcast,
  BroadcastEventOptions,
  BroadcastOptions,
  BroadcastStatusOptions,
  BroadcastsApi,
} from "./api.ts";
import { changesOf, nextVerdict } from "./changes.ts";
import { assertAfter, assertQuery, draftOf, termsOf } from "./draft.ts";
import { unknownBroadcast } from "./errors.ts";
import { FollowedBroadcast } from "./followed.ts";
import { assertPatient, endsOf, type Patience, patiently } from "./patience.ts";

export interface ServiceBroadcastsParts {
  /** Opens the broadcasts of a service, or joins who did. */
  readonly follow: (service: string) => Promise<Broadcasts>;
  /** Fires when the client closes. */
  readonly closing: AbortSignal;
}

type RedriveOptions = Parameters<BroadcastsApi["redrive"]>[2];

/** The broadcasts of all services, sent and asked for. */
export class ServiceBroadcasts implements BroadcastsApi {
  readonly #parts: ServiceBroadcastsParts;

  constructor(parts: ServiceBroadcastsParts) {
    this.#parts = parts;
  }

  async send(service: string, body: Body, options: BroadcastOptions): Promise<Broadcast> {
    const draft = draftOf(body, options);
    return this.#publish(service, options, (broadcasts) => broadcasts.publish(draft));
  }

  async redrive(service: string, id: string, options: RedriveOptions = {}): Promise<Broadcast> {
    const terms = termsOf(options);
    const patience = this.#patienceOf(options.signal);
    return this.#publish(service, options, async (broadcasts) => {
      await known(broadcasts, id, patience);
      return broadcasts.redrive(id, terms);
    });
  }

  async status(service: string, id: string, options: BroadcastStatusOptions = {}): Promise<BroadcastStatus> {
    const waitMs = waitOf(options);
    const patience = this.#patienceOf(options.signal);
    const broadcasts = await this.#follow(service, patience);
    const status = await known(broadcasts, id, patience);
    if (waitMs === undefined || status.verdict !== "open") return status;
    await nextVerdict(broadcasts, id, { waitMs, signals: endsOf(patience) });
    assertPatient(patience);
    return known(broadcasts, id, patience);
  }

  async *events(
    service: string,
    id: string,
    { after, signal }: BroadcastEventOptions = {},
  ): AsyncGenerator<BroadcastChange, void, undefined> {
    assertAfter(after);
    const patience = this.#patienceOf(signal);
    if (patience.closing.aborted) throw closedError();
    const signals = endsOf(patience);
    try {
      const broadcasts = await this.#follow(service, patience);
      await known(broadcasts, id, patience);
      yield* changesOf(broadcasts, id, { after, signals });
    } catch (error) {
      // Who ends them, or closes, is not told that he did.
      if (!signals.some(({ aborted }) => aborted)) throw error;
    }
  }

  async list(service: string, query: BroadcastQuery = {}): Promise<BroadcastPage> {
    assertQuery(query);
    const patience = this.#patienceOf(undefined);
    const broadcasts = await this.#follow(service, patience);
    await patiently(patience, () => broadcasts.restored);
    return broadcasts.list(query);
  }

  async cancel(service: string, id: string): Promise<void> {
    const patience = this.#patienceOf(undefined);
    const broadcasts = await this.#follow(service, patience);
    await known(broadcasts, id, patience);
    await broadcasts.cancel(id);
  }

  async #publish(
    service: string,
    options: Pick<BroadcastOptions, "timeoutMs" | "signal">,
    publish: (broadcasts: Broadcasts) => Promise<Published>,
  ): Promise<Broadcast> {
    const timeoutMs = timeoutOf(options);
    const patience = this.#patienceOf(options.signal);
    const broadcasts = await this.#follow(service, patience);
    const published = await patiently(patience, () => publish(broadcasts));
    return new FollowedBroadcast(published, broadcasts, { ...patience, timeoutMs });
  }

  #follow(service: string, patience: Patience): Promise<Broadcasts> {
    return patiently(patience, () => this.#parts.follow(service));
  }

  #patienceOf(signal: AbortSignal | undefined): Patience {
    return { signal, closing: this.#parts.closing };
  }
}

/** Throws SHARDCAST_UNKNOWN_BROADCAST, but not before all broadcasts were read that there are: it may be a moment old. */
async function known(broadcasts: Broadcasts, id: string, patience: Patience): Promise<BroadcastStatus> {
  // Not for what is no id: anybody may ask for anything.
  if (broadcasts.get(id) === undefined && ackPartitionOf(id) !== undefined) {
    await patiently(patience, () => broadcasts.caughtUp());
  }
  const status = broadcasts.get(id);
  if (status === undefined) throw unknownBroadcast();
  return status;
}
