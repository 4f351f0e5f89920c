import { type Client, connect } from "@shardcast/client";
import type { Log } from "@shardcast/log";
import { ShardcastError } from "@shardcast/protocol";
import type { Logger } from "pino";
import { bounded } from "./bounded.ts";
import type { MemberPods } from "./directory/member-pods.ts";
import { HotKeys } from "./hot-keys.ts";
import type { GatewayOptions, ResolvedGatewayOptions } from "./options.ts";
import { Planning } from "./planning.ts";
import { prepareBroadcasts, prepareService } from "./prepare.ts";
import { ReplicasFile } from "./replicas-file.ts";
import { type ServiceReport, ServiceState } from "./service-state.ts";
import { StatefulSets } from "./stateful-sets.ts";

/** How long leaving may take: a service that is just being prepared holds it up. The log is closed next and ends that. */
const LEAVE_MS = 1_000;

/** How one service stands. */
interface Standing {
  readonly requests: ServiceState;
  readonly broadcasts: ServiceState;
}

interface BackendParts {
  readonly log: Log;
  readonly logger: Logger;
  readonly settings: ResolvedGatewayOptions;
  readonly client: Client;
  readonly hotKeys: HotKeys;
  readonly planning: Planning;
  readonly statefulSets: StatefulSets | undefined;
}

interface OpenBackendParts extends Omit<BackendParts, "client" | "hotKeys" | "planning" | "statefulSets"> {
  readonly env?: GatewayOptions["env"] | undefined;
}

/**
 * Begins to prepare every configured service, each on its own.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG where StatefulSets are named and there is no way to their API
 */
export async function openBackend({ env, ...parts }: OpenBackendParts): Promise<Backend> {
  const { log, logger, settings } = parts;
  const { services, planner, replicasFile: path } = settings;
  const isNamed = Object.keys(settings.statefulSets).length > 0;
  const statefulSets = isNamed ? await StatefulSets.open({ ...settings, env, logger }) : undefined;
  const hotKeys = new HotKeys();
  const client = await connect({
    log,
    services,
    prepareServices: false,
    topicPrefix: settings.topicPrefix,
    maxPending: settings.maxInFlight,
    maxPendingPerLane: settings.maxInFlightPerLane,
    maxPendingPerKey: settings.maxInFlightPerKey,
    onRequest: (service, lane, key) => hotKeys.saw(service, lane, key),
    resultRetentionMs: settings.resultRetentionMs,
    maxDelayMs: settings.maxDelayMs,
    broadcastKeeper: true,
    broadcastRetentionMs: settings.broadcastRetentionMs,
    logger,
  }).catch((error: unknown) => {
    statefulSets?.close();
    throw error;
  });
  // Read before anybody plans, or lanes would be moved twice.
  const replicasFile =
    planner && path !== undefined ? await ReplicasFile.open({ path, services, logger }) : undefined;
  const planning = new Planning({ ...parts, client, replicasFile, statefulSets });
  return new Backend({ ...parts, client, hotKeys, planning, statefulSets });
}

/** The way to the workers, and for each service whether it is open. */
export class Backend {
  /** Resolves when every configured service can be called; rejects with SHARDCAST_CLOSED when closed before. */
  readonly ready: Promise<void>;
  readonly #log: Log;
  readonly #logger: Logger;
  /** Used for what was let in by {@link assertOpen}, also when closing has begun since. */
  readonly client: Client;
  readonly hotKeys: HotKeys;
  readonly #services: ReadonlyMap<string, Standing>;
  readonly #planning: Planning;
  readonly #statefulSets: StatefulSets | undefined;
  readonly #closing = new AbortController();
  #isClosing = false;
  #left: Promise<void> | undefined;

  constructor({ log, logger, settings, client, hotKeys, planning, statefulSets }: BackendParts) {
    const { services } = settings;
    const { signal } = this.#closing;
    this.#log = log;
    this.#logger = logger;
    this.client = client;
    this.hotKeys = hotKeys;
    this.#planning = planning;
    this.#statefulSets = statefulSets;
    this.#services = new Map(Object.keys(services).map((service) => [service, standingOf(service)]));
    const prepared = [...this.#services].map(async ([service, { requests, broadcasts }]) => {
      const route = services[service] ?? {};
      const callbacks = settings.callbackHosts.length > 0;
      const parts = { ...settings, log, logger, client, callbacks, signal };
      const onFailure = (error: ShardcastError) =>
        this.#failed(service, requests, error, "service not ready yet; trying on");
      const broadcastsToo = () =>
        prepareBroadcasts(service, route, {
          ...parts,
          onReady: () => broadcasts.ready(),
          onFailure: (error) => {
            this.#failed(service, broadcasts, error, "no broadcasts yet; trying on");
            // Without the log nothing can be served anyway; what else is wrong with them is no reason to serve nothing.
            return error.code !== "SHARDCAST_LOG_UNAVAILABLE";
          },
        });
      await prepareService(service, route, { ...parts, onFailure }, broadcastsToo);
      requests.ready();
      logger.info({ service }, "ready");
      planning.begin(service);
    });
    this.ready = Promise.all(prepared).then(
      () => {},
      () => {
        throw closing();
      },
    );
    // Nobody has to wait for it.
    this.ready.catch(() => {});
  }

  /** Requests that wait for a reply. */
  get pending(): number {
    return this.client.pending;
  }

  /** Fires when closing begins. Who only waits for news, and holds nothing up, stops then. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Throws SHARDCAST_UNKNOWN_SERVICE, or why the service can not be called now. */
  assertOpen(service: string): void {
    this.assertServed(service);
    if (!this.#log.available) throw away();
  }

  /**
   * Throws SHARDCAST_UNKNOWN_SERVICE, or why nobody knows the owners of the service's lanes. Without the log they are known as they last
   * were: for who goes to them directly.
   */
  assertServed(service: string): void {
    const standing = this.#services.get(service);
    if (standing === undefined) {
      throw new ShardcastError("SHARDCAST_UNKNOWN_SERVICE", `this gateway does not serve ${service}`);
    }
    this.assertTaking();
    if (standing.requests.fault !== undefined) throw standing.requests.fault;
  }

  /** Throws SHARDCAST_CLOSED when nothing new is let in. */
  assertTaking(): void {
    if (this.#isClosing) throw closing();
  }

  /** Throws why the service, which can be called, can not be told anything by broadcasts now. */
  assertBroadcasts(service: string): void {
    const fault = this.#services.get(service)?.broadcasts.fault;
    if (fault !== undefined) throw fault;
  }

  /** The pods of a service's members; undefined where no StatefulSet is named for it. */
  podsOf(service: string): MemberPods | undefined {
    return this.#statefulSets?.podsOf(service);
  }

  /** How each service stands. */
  reports(): Readonly<Record<string, ServiceReport>> {
    return Object.fromEntries(
      [...this.#services].map(([service, standing]) => [service, reportOf(standing)]),
    );
  }

  /**
   * Why no requests should be sent here; undefined when they should. A service that somebody has to mend does not keep
   * the others from being served; but where not one can be called, there is nothing to send here.
   */
  get fault(): ShardcastError | undefined {
    if (this.#isClosing) return closing();
    if (!this.#log.available) return away();
    const states = [...this.#services.values()].map(({ requests }) => requests);
    const waiting = states.find(({ settled }) => !settled);
    if (waiting !== undefined) return waiting.fault;
    return states.some(({ fault }) => fault === undefined) ? undefined : states[0]?.fault;
  }

  /** From now on nothing new is let in. */
  beginClosing(): void {
    this.#isClosing = true;
    this.#closing.abort();
  }

  /** Lets another gateway plan. */
  async endPlanning(): Promise<void> {
    await bounded(this.#planning.close(), LEAVE_MS);
  }

  /** Ends what still waits with SHARDCAST_CLOSED, at once, and leaves. */
  endRequests(): Promise<void> {
    this.beginClosing();
    this.#statefulSets?.close();
    this.#left ??= bounded(this.client.close(), LEAVE_MS);
    return this.#left;
  }

  #failed(service: string, state: ServiceState, error: ShardcastError, line: string): void {
    if (this.#isClosing) return;
    // When the reason changes, not at every attempt.
    if (state.failed(error)) this.#logger.warn({ err: error, service }, line);
  }
}

function standingOf(service: string): Standing {
  return {
    requests: new ServiceState(`${service} is`),
    broadcasts: new ServiceState(`the broadcasts of ${service} are`),
  };
}

function reportOf({ requests, broadcasts }: Standing): ServiceReport {
  // Before its requests are served, they say why nothing else is.
  const isPart = requests.fault === undefined && broadcasts.fault !== undefined;
  return isPart ? { ...requests.report, broadcasts: broadcasts.report } : requests.report;
}

function away(): ShardcastError {
  return new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "the log can not be reached");
}

function closing(): ShardcastError {
  return new ShardcastError("SHARDCAST_CLOSED", "the gateway is closing");
}
