import type { Client } from "@shardcast/client";
import {
  type Directory,
  fixedReplicas,
  type Planner,
  type ReplicaSource,
  startPlanner,
} from "@shardcast/control";
import type { Log } from "@shardcast/log";
import { type ErrorCode, ShardcastError, topicsOf } from "@shardcast/protocol";
import type { Logger } from "pino";
import { Callbacks } from "./callbacks/callbacks.ts";
import type { ResolvedGatewayOptions } from "./options.ts";
import { persist } from "./persist.ts";
import type { ReplicasFile } from "./replicas-file.ts";
import type { StatefulSets } from "./stateful-sets.ts";

/** Within the time that leaving may take altogether. */
const CALLBACK_GRACE_MS = 500;

export interface PlanningParts {
  readonly log: Log;
  readonly logger: Logger;
  readonly settings: ResolvedGatewayOptions;
  readonly client: Client;
  /** Says how many replicas are wanted now, where there is such a file. */
  readonly replicasFile: ReplicasFile | undefined;
  /** The same for the services that are named. */
  readonly statefulSets: StatefulSets | undefined;
}

/**
 * The planners of this gateway, one a service; of all gateways' ones of a service one plans. What goes wrong here is logged
 * and tried again: requests are served with or without a planner.
 */
export class Planning {
  readonly #parts: PlanningParts;
  readonly #closing = new AbortController();
  readonly #planners: Planner[] = [];
  readonly #callbacks: Callbacks[] = [];
  #closed: Promise<void> | undefined;

  constructor(parts: PlanningParts) {
    this.#parts = parts;
  }

  /** Begins to plan for a service that can be called. */
  begin(service: string): void {
    if (this.#parts.settings.planner) void this.#start(service);
  }

  /** Leaves the planning to other gateways. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    this.#parts.replicasFile?.close();
    // Before the planners, or the next gateway begins to call back what this one is about to give back.
    await Promise.all(this.#callbacks.map((callbacks) => callbacks.close()));
    await Promise.all(this.#planners.map((planner) => planner.close()));
  }

  async #start(service: string): Promise<void> {
    const { log, logger, settings } = this.#parts;
    const { topicPrefix, reassignAfterMs } = settings;
    const { signal } = this.#closing;
    let why: ErrorCode | undefined;
    const onFailure = (error: ShardcastError) => {
      // When the reason changes, not at every attempt.
      if (!signal.aborted && error.code !== why)
        logger.warn({ err: error, service }, "no planner yet; trying on");
      why = error.code;
    };
    try {
      const { lanes, directory } = await persist(() => this.#open(service), { signal, onFailure });
      // Not in an attempt: one that ends after the closing has begun would leave a planner behind.
      if (signal.aborted) return;
      const replicas = this.#replicasOf(service, lanes);
      const planner = startPlanner({
        ...{ log, directory, service, topicPrefix, lanes, replicas, reassignAfterMs, logger },
      });
      this.#planners.push(planner);
      this.#callBack(service, planner);
    } catch (error) {
      if (!signal.aborted) logger.error({ err: error, service }, "can not plan");
    }
  }

  /** Who plans calls back as well: that is one gateway at a time. */
  #callBack(service: string, planner: Planner): void {
    const { log, logger, settings } = this.#parts;
    const { callbackHosts, callbackSecret, topicPrefix } = settings;
    if (callbackHosts.length === 0 || callbackSecret === undefined) return;
    const isPlanning = () => planner.planning;
    const signing = { ...settings, callbackSecret };
    const graceMs = CALLBACK_GRACE_MS;
    this.#callbacks.push(
      new Callbacks({ log, service, topicPrefix, settings: signing, isPlanning, graceMs, logger }),
    );
  }

  /** What a planner needs. The directory is the client's, and closed by it. */
  async #open(service: string): Promise<{ lanes: number; directory: Directory }> {
    const { log, client, settings } = this.#parts;
    const lanes = await this.#lanesOf(service);
    const { control } = topicsOf(service, { lanes, prefix: settings.topicPrefix });
    // There already where the lanes are configured. Not verified again: that may need rights that we have no other use for.
    if ((await log.partitionsOf(control.name)) === undefined) await log.ensureTopics([control]);
    return { lanes, directory: await client.directory(service) };
  }

  async #lanesOf(service: string): Promise<number> {
    const { log, settings } = this.#parts;
    const { requests } = topicsOf(service, { lanes: 1, prefix: settings.topicPrefix });
    const lanes = settings.services[service]?.lanes ?? (await log.partitionsOf(requests.name));
    if (lanes !== undefined) return lanes;
    throw new ShardcastError("SHARDCAST_UNKNOWN_SERVICE", `service ${service} has no topic ${requests.name}`);
  }

  #replicasOf(service: string, lanes: number): ReplicaSource {
    const { settings, replicasFile, statefulSets } = this.#parts;
    const configured = settings.services[service]?.replicas ?? lanes;
    return (
      statefulSets?.sourceOf(service) ??
      replicasFile?.sourceOf(service, configured) ??
      fixedReplicas(configured)
    );
  }
}
