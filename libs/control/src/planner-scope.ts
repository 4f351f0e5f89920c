import type { Log } from "@shardcast/log";
import type { ServiceTopics } from "@shardcast/protocol";
import type { Logger } from "pino";
import type { Directory } from "./directory.ts";
import type { ReplicaSource } from "./replica-source.ts";

/** What the parts of a planner share. */
export interface PlannerScope {
  readonly log: Log;
  readonly directory: Directory;
  readonly service: string;
  readonly topicPrefix: string;
  readonly topics: ServiceTopics;
  readonly lanes: number;
  readonly replicas: ReplicaSource;
  readonly reassignAfterMs: number;
  readonly forgetAfterMs: number;
  readonly leaseMs: number;
  readonly plannerSilentMs: number;
  readonly beatMs: number;
  readonly holder: string;
  readonly logger: Logger | undefined;
}
