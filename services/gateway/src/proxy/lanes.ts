import type { Client } from "@shardcast/client";
import type { Directory, LaneState } from "@shardcast/control";
import { assertKeyLength, percentEncoded, ShardcastError } from "@shardcast/protocol";
import { type LaneStrategy, laneOf } from "@shardcast/routing";
import type { Destination, Found } from "./destination.ts";
import type { Upstreams } from "./upstream.ts";

interface LanesParts {
  readonly service: string;
  readonly directory: Directory;
  readonly lanes: number;
  readonly strategy: LaneStrategy;
  readonly upstreams: Upstreams;
}

type Owned = Extract<LaneState, { readonly kind: "owned" }>;

const KEY = "shardcast-key";

/**
 * The owners of a service's lanes, as `S.control` says; asked without waiting, for each request. A direct request is not fenced by the
 * log (C2): what is known here may be a moment old, so the owner is told lane and fencing token, and can refuse.
 */
export class Lanes {
  readonly #parts: LanesParts;
  readonly #owners: { readonly state: Owned; readonly told: readonly string[] }[] = [];

  constructor(parts: LanesParts) {
    this.#parts = parts;
  }

  /**
   * The owner of a key's lane.
   *
   * @throws {ShardcastError} SHARDCAST_INVALID_KEY
   */
  ownerOf(key: string): Destination {
    const { directory, lanes, strategy } = this.#parts;
    const bytes = Buffer.from(key);
    const lane = laneIn(bytes, lanes, strategy);
    return {
      find: () => this.#owner(lane, bytes),
      watch: (listener) =>
        directory.watch((change) => {
          if (change.kind === "lane" && change.lane === lane) listener();
        }),
    };
  }

  /** A member, whatever lanes it has. */
  memberOf(member: string, key: string): Destination {
    const { service, directory } = this.#parts;
    const headers = [...this.#told(member), KEY, percentEncoded(Buffer.from(key))];
    return {
      find: () => {
        const state = directory.state.member(member);
        if (state?.state !== "up") return { kind: "absent", why: `member ${member} of ${service} is not up` };
        return this.#at(member, state.url, headers);
      },
      watch: (listener) =>
        directory.watch((change) => {
          if (change.kind === "member" && change.member === member) listener();
        }),
    };
  }

  /** The members that there are to be, in order: as many as replicas, for strategies that count them. */
  get members(): readonly string[] {
    const { directory, lanes } = this.#parts;
    const replicas = directory.state.map?.replicas ?? lanes;
    return Array.from({ length: replicas }, (_, ordinal) => `${ordinal}`);
  }

  #owner(lane: number, key: Uint8Array): Found {
    const { service, directory } = this.#parts;
    const state = directory.state.lane(lane);
    if (state.kind !== "owned") return { kind: "absent", why: `lane ${lane} of ${service} has no owner now` };
    const { member, url } = state;
    return this.#at(member, url, [...this.#toldOf(lane, state), KEY, percentEncoded(key)]);
  }

  /** What an owner is told, but for the key: the same until there is another. */
  #toldOf(lane: number, state: Owned): readonly string[] {
    const known = this.#owners[lane];
    if (known?.state === state) return known.told;
    const { member, token } = state;
    const told = [...this.#told(member), "shardcast-lane", `${lane}`, "shardcast-fencing-token", `${token}`];
    this.#owners[lane] = { state, told };
    return told;
  }

  #told(member: string): readonly string[] {
    return ["shardcast-service", this.#parts.service, "shardcast-member", member];
  }

  #at(member: string, url: string | undefined, headers: readonly string[]): Found {
    const { service, upstreams } = this.#parts;
    if (url === undefined) {
      const detail = `member ${member} of ${service} does not say where it listens (SHARDCAST_URL)`;
      return { kind: "never", error: new ShardcastError("SHARDCAST_NO_OWNER", detail) };
    }
    const upstream = upstreams.at(url);
    if (upstream instanceof ShardcastError) return { kind: "never", error: upstream };
    return { kind: "there", target: { upstream, headers } };
  }
}

function laneIn(bytes: Uint8Array, lanes: number, strategy: LaneStrategy): number {
  if (bytes.byteLength === 0) throw new ShardcastError("SHARDCAST_INVALID_KEY", "key: must not be empty");
  assertKeyLength(bytes);
  try {
    return laneOf(bytes, lanes, strategy);
  } catch (error) {
    throw new ShardcastError("SHARDCAST_INVALID_KEY", `key: ${(error as Error).message}`, { cause: error });
  }
}

export interface AllLanesParts {
  readonly client: Client;
  readonly services: Readonly<Record<string, { readonly strategy?: LaneStrategy }>>;
  readonly upstreams: Upstreams;
}

/** The lanes of each service, opened when they are first asked for. */
export class AllLanes {
  readonly #parts: AllLanesParts;
  readonly #known = new Map<string, Lanes>();

  constructor(parts: AllLanesParts) {
    this.#parts = parts;
  }

  /** Undefined until {@link open} has succeeded once. */
  known(service: string): Lanes | undefined {
    return this.#known.get(service);
  }

  /** @throws as `Client.shards`; SHARDCAST_INVALID_REQUEST for a service without durable members */
  async open(service: string): Promise<Lanes> {
    const { client, services, upstreams } = this.#parts;
    const [{ lanes }, directory] = await Promise.all([client.shards(service), client.directory(service)]);
    if (lanes.length === 0) {
      const detail = `service ${service} has no durable members: nobody owns its lanes`;
      throw new ShardcastError("SHARDCAST_INVALID_REQUEST", detail);
    }
    const strategy = services[service]?.strategy ?? "murmur2";
    const opened = new Lanes({ service, directory, lanes: lanes.length, strategy, upstreams });
    this.#known.set(service, opened);
    return opened;
  }
}
