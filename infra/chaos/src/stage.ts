import { openDirectory } from "@shardcast/control";
import type { Log } from "@shardcast/log";
import type { FaultDone } from "./checker/history.ts";
import { Cluster, type ClusterOptions, REASSIGN_AFTER_MS } from "./cluster.ts";
import { Faults } from "./faults.ts";
import { POD_REASSIGN_AFTER_MS, PodCluster, type PodClusterOptions } from "./kubernetes/pod-cluster.ts";
import { PodFaults } from "./kubernetes/pod-faults.ts";
import { type PodScheduleOptions, podScheduleOf } from "./kubernetes/pod-schedule.ts";
import { type ScheduleOptions, scheduleOf } from "./schedule.ts";

/** What a run has before it: the service under test, and what is done to it. */
export interface Stage {
  /** Of the gateways. */
  readonly urls: readonly string[];
  readonly effectsFile: string;
  /** How many replicas are wanted now. */
  readonly replicas: number;
  readonly reassignAfterMs: number;
  readonly faults: {
    readonly done: readonly FaultDone[];
    /** As long as a run lasts, or until the signal fires. */
    carryOut(seconds: number, signal: AbortSignal): Promise<void>;
    /** Waits for faults to be over, and undoes what is left. */
    heal(): Promise<void>;
  };
  stop(): Promise<void>;
}

interface ProcessesOptions extends ClusterOptions, ScheduleOptions {
  readonly log: Log;
}

/** Processes that are started and kept by the run itself. */
export async function openProcesses(options: ProcessesOptions): Promise<Stage> {
  const { log, broker, service, prefix } = options;
  const cluster = await Cluster.start(options);
  const directory = await openDirectory(log, { service, topicPrefix: prefix });
  const faults = new Faults({ cluster, broker, directory, schedule: scheduleOf(options) });
  return stageOf(cluster, faults, REASSIGN_AFTER_MS);
}

interface PodsOptions extends Omit<PodClusterOptions, "brokers" | "podManagementPolicy">, PodScheduleOptions {
  readonly broker: Pick<ClusterOptions["broker"], "brokers">;
}

/** The same as pods, which a real control plane keeps. */
export async function openPods(options: PodsOptions): Promise<Stage> {
  const { broker, seed } = options;
  // Both are tried, by the seed.
  const podManagementPolicy = seed % 2 === 0 ? "OrderedReady" : "Parallel";
  const cluster = await PodCluster.start({ ...options, brokers: broker.brokers, podManagementPolicy });
  return stageOf(cluster, new PodFaults(cluster, podScheduleOf(options)), POD_REASSIGN_AFTER_MS);
}

function stageOf(cluster: Cluster | PodCluster, faults: Stage["faults"], reassignAfterMs: number): Stage {
  const { urls, effectsFile } = cluster;
  return {
    ...{ urls, effectsFile, reassignAfterMs, faults },
    get replicas() {
      return cluster.replicas;
    },
    stop: () => cluster.stop(),
  };
}
