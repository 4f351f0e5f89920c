import { randomUUID } from "node:crypto";
import { type Broadcasts, openBroadcasts } from "@shardcast/broadcasts";
import { type Directory, openDirectory } from "@shardcast/control";
import { newId, type ReplyAddress } from "@shardcast/protocol";
import { openResults, type Results } from "@shardcast/results";
import type { ShardKey } from "@shardcast/routing";
import type { Broadcast, BroadcastOptions, BroadcastsApi } from "./broadcasts/api.ts";
import { ServiceBroadcasts } from "./broadcasts/service-broadcasts.ts";
import { assertBroadcastTopics } from "./broadcasts/topics.ts";
import type { Client } from "./client-api.ts";
import { closedError } from "./closed-error.ts";
import { type Composed, compose, type Terms, validKey } from "./compose.ts";
import { deadlineOf, timeoutOf, waitOf } from "./durations.ts";
import type {
  Body,
  ConnectOptions,
  EventOptions,
  Reply,
  RequestOptions,
  ResultOptions,
  SendOptions,
  SubmitOptions,
  Submitted,
} from "./options.ts";
import { type Owner, ownerIn, type Shards, shardsIn } from "./ownership.ts";
import { Pending } from "./pending.ts";
import { PerService } from "./per-service.ts";
import { Publisher } from "./publisher.ts";
import { Recorded } from "./recorded.ts";
import { ReplyListener } from "./replies.ts";
import { laneFor, type Route, Routes } from "./routes.ts";
import type { RequestStatus } from "./status.ts";
import { Submissions } from "./submissions.ts";
import { distinct, type WatchOptions, watchDirectory } from "./watch.ts";

const DEFAULT_MAX_PENDING = 10_000;
const DEFAULT_MAX_DELAY_MS = 7 * 24 * 3_600_000;

/**
 * Connects to the services behind a log. Resolves when the services named in the options can be called, unless
 * `prepareServices` is false.
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const client = new LogClient(options);
  if (options.prepareServices === false) return client;
  try {
    await Promise.all(Object.keys(options.services ?? {}).map((service) => client.prepare(service)));
  } catch (error) {
    await client.close();
    throw error;
  }
  return client;
}

class LogClient implements Client {
  readonly #options: ConnectOptions;
  readonly #instance: string;
  readonly #maxDelayMs: number;
  readonly #pending: Pending;
  readonly #submissions: Submissions;
  readonly #routes: Routes;
  readonly #listeners = new PerService<ReplyListener>();
  readonly #directories = new PerService<Directory>();
  readonly #results = new PerService<Results>();
  readonly #followed = new PerService<Broadcasts>();
  readonly #broadcasts: ServiceBroadcasts;
  readonly #recorded: Recorded;
  readonly #publisher: Publisher;
  readonly #closing = new AbortController();
  #staleReplies = 0;

  constructor(options: ConnectOptions) {
    const { log, topicPrefix = "", logger, maxPending = DEFAULT_MAX_PENDING } = options;
    const { signal: closing } = this.#closing;
    this.#options = options;
    this.#instance = options.instance ?? randomUUID();
    this.#maxDelayMs = options.maxDelayMs ?? DEFAULT_MAX_DELAY_MS;
    const maxPendingPerLane = options.maxPendingPerLane ?? maxPending;
    const maxPendingPerKey = options.maxPendingPerKey ?? maxPendingPerLane;
    this.#pending = new Pending({ maxPending, maxPendingPerLane, maxPendingPerKey });
    this.#submissions = new Submissions({ maxPendingPerKey, maxHeld: maxPending });
    this.#routes = new Routes(log, topicPrefix, options.services ?? {});
    this.#recorded = new Recorded({
      log,
      routes: this.#routes,
      topicPrefix,
      results: (service) => this.results(service),
      maxDelayMs: this.#maxDelayMs,
      closing,
    });
    this.#publisher = new Publisher({
      log,
      pending: this.#pending,
      submissions: this.#submissions,
      recorded: this.#recorded,
      results: (service) => this.#results.known(service),
      closing,
      logger,
    });
    this.#broadcasts = new ServiceBroadcasts({
      follow: (service) => this.followBroadcasts(service),
      closing,
    });
  }

  get broadcasts(): BroadcastsApi {
    return this.#broadcasts;
  }

  get pending(): number {
    return this.#pending.size;
  }

  get staleReplies(): number {
    return this.#staleReplies;
  }

  async prepare(service: string): Promise<void> {
    await this.#listen(await this.#routes.get(service));
  }

  // Not async, nor is #publish: a frame that waits would keep the body in memory all the while (C7).
  request(service: string, key: ShardKey, body?: Body, options: RequestOptions = {}): Promise<Reply> {
    try {
      const deadlineMs = Date.now() + timeoutOf(options);
      const route = this.#routes.known(service);
      const listener = this.#listeners.known(service);
      return route === undefined || listener === undefined
        ? this.#publishFirst(service, key, body, options, deadlineMs)
        : this.#publish(route, listener.address, key, body, options, deadlineMs);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Returns the answer instead of awaiting it, for the same reason. */
  async #publishFirst(
    service: string,
    key: ShardKey,
    body: Body,
    options: RequestOptions,
    deadlineMs: number,
  ): Promise<Reply> {
    const route = await this.#routes.get(service);
    const { address } = await this.#listen(route);
    return this.#publish(route, address, key, body, options, deadlineMs);
  }

  #publish(
    route: Route,
    address: ReplyAddress,
    key: ShardKey,
    body: Body,
    options: RequestOptions,
    deadlineMs: number,
  ): Promise<Reply> {
    const { signal, callbackUrl, cancelOnAbort = false } = options;
    const { retry = options.idempotencyKey !== undefined } = options;
    // What is published twice must be one request all the same (C5).
    const idempotencyKey = options.idempotencyKey ?? (retry ? randomUUID() : undefined);
    const terms: Omit<Terms, "maxDelayMs"> =
      idempotencyKey === undefined && callbackUrl === undefined
        ? { deadlineMs, replyTo: address }
        : { deadlineMs, replyTo: correlated(address), recording: "outcome", idempotencyKey, callbackUrl };
    const publication = {
      ...this.#compose(route, key, body, options, terms),
      route,
      signal,
      cancelOnAbort,
    };
    return retry
      ? this.#publisher.requestRetrying(publication, deadlineMs)
      : this.#publisher.request(publication, timeoutOf(options));
  }

  async submit(service: string, key: ShardKey, body?: Body, options: SubmitOptions = {}): Promise<Submitted> {
    const deadlineMs = deadlineOf(options);
    const waitMs = waitOf(options);
    const route = await this.#routes.get(service);
    const replyTo = waitMs === undefined ? undefined : correlated((await this.#listen(route)).address);
    const { idempotencyKey, callbackUrl, signal, cancelOnAbort = false } = options;
    const terms = { deadlineMs, replyTo, recording: "progress" as const, idempotencyKey, callbackUrl };
    const publication = {
      ...this.#compose(route, key, body, options, terms),
      route,
      signal,
      cancelOnAbort,
    };
    return waitMs === undefined
      ? this.#publisher.submit(publication)
      : this.#publisher.submitAndWait(publication, waitMs);
  }

  async send(
    service: string,
    key: ShardKey,
    body?: Body,
    options: SendOptions = {},
  ): Promise<{ id: string }> {
    const route = await this.#routes.get(service);
    const { request, lane } = this.#compose(route, key, body, options, {});
    await this.#publisher.append(route, lane, request);
    return { id: request.id };
  }

  async result(service: string, id: string, options: ResultOptions = {}): Promise<RequestStatus> {
    const waitMs = waitOf(options);
    return this.#recorded.result(service, id, { ...options, ...(waitMs === undefined ? {} : { waitMs }) });
  }

  events(service: string, id: string, options: EventOptions = {}): AsyncIterable<RequestStatus> {
    return this.#recorded.events(service, id, options);
  }

  async cancel(service: string, id: string): Promise<void> {
    await this.#recorded.cancel(service, id);
  }

  async results(service: string): Promise<Results> {
    const route = await this.#routes.get(service);
    const { log, topicPrefix = "", resultRetentionMs, logger } = this.#options;
    const options = {
      service,
      topicPrefix,
      lanes: route.lanes.length,
      ...(resultRetentionMs === undefined ? {} : { retentionMs: resultRetentionMs }),
      ...(logger === undefined ? {} : { logger }),
    };
    return this.#results.get(service, () => openResults(log, options));
  }

  broadcast(service: string, body?: Body, options: BroadcastOptions = {}): Promise<Broadcast> {
    return this.#broadcasts.send(service, body, options);
  }

  async followBroadcasts(service: string): Promise<Broadcasts> {
    const { replicas } = await this.#routes.get(service);
    return this.#followed.get(service, async () => {
      const { log, topicPrefix = "", broadcastKeeper = false, broadcastRetentionMs, logger } = this.#options;
      await assertBroadcastTopics(log, service, topicPrefix);
      return openBroadcasts(log, {
        service,
        topicPrefix,
        directory: await this.directory(service),
        replicas,
        keeper: broadcastKeeper,
        ...(broadcastRetentionMs === undefined ? {} : { retentionMs: broadcastRetentionMs }),
        ...(logger === undefined ? {} : { logger }),
      });
    });
  }

  directory(service: string): Promise<Directory> {
    const { log, topicPrefix = "", logger } = this.#options;
    const options = { service, topicPrefix, ...(logger === undefined ? {} : { logger }) };
    return this.#directories.get(service, () => openDirectory(log, options));
  }

  async owner(service: string, key: ShardKey): Promise<Owner> {
    const route = await this.#routes.get(service);
    const lane = laneFor(route, validKey(key));
    return ownerIn(route, (await this.directory(service)).state, lane);
  }

  async shards(service: string): Promise<Shards> {
    const route = await this.#routes.get(service);
    return shardsIn(route, (await this.directory(service)).state);
  }

  async *watchOwner(
    service: string,
    key: ShardKey,
    options: WatchOptions = {},
  ): AsyncGenerator<Owner, void, undefined> {
    const route = await this.#routes.get(service);
    const lane = laneFor(route, validKey(key));
    const directory = await this.directory(service);
    const owner = () => ownerIn(route, directory.state, lane);
    yield* distinct(watchDirectory(directory, owner, this.#ends(options)));
  }

  async *watchShards(service: string, options: WatchOptions = {}): AsyncGenerator<Shards, void, undefined> {
    const route = await this.#routes.get(service);
    const directory = await this.directory(service);
    yield* watchDirectory(directory, () => shardsIn(route, directory.state), this.#ends(options));
  }

  watch(service: string, options: WatchOptions = {}): AsyncGenerator<Shards, void, undefined> {
    return this.watchShards(service, options);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#pending.failAll(closedError());
    this.#submissions.clear();
    // They look into the directories.
    await this.#followed.close();
    await Promise.all([this.#listeners.close(), this.#directories.close(), this.#results.close()]);
  }

  #ends({ signal }: WatchOptions): readonly AbortSignal[] {
    return [this.#closing.signal, ...(signal === undefined ? [] : [signal])];
  }

  #compose(
    route: Route,
    key: ShardKey,
    body: Body,
    options: SendOptions,
    terms: Omit<Terms, "maxDelayMs">,
  ): Composed {
    if (this.#closing.signal.aborted) throw closedError();
    const composed = compose(route, key, body, options, { ...terms, maxDelayMs: this.#maxDelayMs });
    this.#options.onRequest?.(route.service, composed.lane.number, composed.request.key);
    return composed;
  }

  #listen(route: Route): Promise<ReplyListener> {
    const { log, logger } = this.#options;
    const onStale = () => {
      this.#staleReplies++;
    };
    return this.#listeners.get(route.service, () =>
      ReplyListener.open(log, route, { instance: this.#instance, pending: this.#pending, onStale, logger }),
    );
  }
}

/** Several may ask with one id (C5), each with a reply of his own. */
function correlated(address: ReplyAddress): ReplyAddress {
  return { ...address, correlation: newId() };
}
