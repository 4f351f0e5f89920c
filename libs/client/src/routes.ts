import type { Log } from "@shardcast/log";
import { assertServiceName, type ServiceTopics, ShardcastError, topicsOf } from "@shardcast/protocol";
import { initialMap, type LaneStrategy, laneOf, type ShardMap } from "@shardcast/routing";
import { DrainRate } from "./drain-rate.ts";
import { KeyCounts } from "./key-counts.ts";
import type { ServiceRoute } from "./options.ts";
import type { Lane } from "./pending.ts";

/** Everything needed to send to one service. */
export interface Route {
  readonly service: string;
  /** One object a lane, made once: a request looks it up by its number. */
  readonly lanes: readonly Lane[];
  /** R while nobody has planned; 0 for a service without durable members. */
  readonly replicas: number;
  /** What counts while nobody has planned; nothing where there is nobody to own a lane. */
  readonly initial: ShardMap | undefined;
  readonly strategy: LaneStrategy;
  readonly topics: ServiceTopics;
}

/** The routes of the services this client sends to, each looked up once. */
export class Routes {
  readonly #log: Log;
  readonly #prefix: string;
  readonly #known: Readonly<Record<string, ServiceRoute>>;
  readonly #ready = new Map<string, Route>();

  constructor(log: Log, prefix: string, known: Readonly<Record<string, ServiceRoute>>) {
    this.#log = log;
    this.#prefix = prefix;
    this.#known = known;
  }

  /** The route, where it was looked up already. */
  known(service: string): Route | undefined {
    return this.#ready.get(service);
  }

  async get(service: string): Promise<Route> {
    return this.#ready.get(service) ?? (await this.#lookUp(service));
  }

  async #lookUp(service: string): Promise<Route> {
    assertServiceName(service);
    const hint = Object.hasOwn(this.#known, service) ? this.#known[service] : undefined;
    const probe = topicsOf(service, { lanes: 1, prefix: this.#prefix });
    const found = await this.#log.partitionsOf(probe.requests.name);
    if (found === undefined) {
      throw new ShardcastError(
        "SHARDCAST_UNKNOWN_SERVICE",
        `service ${service} has no topic ${probe.requests.name}`,
      );
    }
    if (hint?.lanes !== undefined && hint.lanes !== found) {
      throw new ShardcastError(
        "SHARDCAST_TOPIC_MISMATCH",
        `${probe.requests.name} has ${found} partitions, not the ${hint.lanes} lanes that were configured`,
      );
    }
    const replicas = hint?.replicas ?? found;
    if (!Number.isSafeInteger(replicas) || replicas < 0) {
      throw new ShardcastError(
        "SHARDCAST_INVALID_CONFIG",
        `replicas of ${service}: a whole number from 0 on, got ${replicas}`,
      );
    }
    // Looked up by another request meanwhile: two routes would count the lanes' requests apart (C7).
    const known = this.#ready.get(service);
    if (known !== undefined) return known;
    const route: Route = {
      service,
      lanes: Array.from({ length: found }, (_, number) => ({
        number,
        name: `${service}/${number}`,
        waiting: 0,
        keys: new KeyCounts(),
        drain: new DrainRate(),
      })),
      replicas,
      initial: replicas === 0 ? undefined : initialMap(found, replicas),
      strategy: hint?.strategy ?? "murmur2",
      topics: topicsOf(service, { lanes: found, prefix: this.#prefix }),
    };
    this.#ready.set(service, route);
    return route;
  }
}

/** The key's lane, with a bad key told as the caller's fault. */
export function laneFor(route: Route, key: Uint8Array): number {
  try {
    return laneOf(key, route.lanes.length, route.strategy);
  } catch (error) {
    throw new ShardcastError("SHARDCAST_INVALID_KEY", `key: ${(error as Error).message}`, { cause: error });
  }
}
