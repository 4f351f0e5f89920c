import type { Log } from "@shardcast/log";
import { assertServiceName, type ServiceTopics, ShardcastError, topicsOf } from "@shardcast/protocol";
import { type LaneStrategy, laneOf } from "@shardcast/routing";
import type { ServiceRoute } from "./options.ts";

/** Everything needed to send to one service. */
export interface Route {
  readonly service: string;
  readonly lanes: number;
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

  /** The route, at once where it is known. */
  get(service: string): Route | Promise<Route> {
    return this.#ready.get(service) ?? this.#lookUp(service);
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
    const route: Route = {
      service,
      lanes: found,
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
    return laneOf(key, route.lanes, route.strategy);
  } catch (error) {
    throw new ShardcastError("SHARDCAST_INVALID_KEY", `key: ${(error as Error).message}`, { cause: error });
  }
}
