import { setTimeout as sleep } from "node:timers/promises";
import type { FaultDone } from "../checker/history.ts";
import { hostMs } from "../host-clock.ts";
import type { PodCluster } from "./pod-cluster.ts";
import type { PlannedPodFault } from "./pod-schedule.ts";

/** Carries faults out one after another, each until Kubernetes has made good again what was done. */
export class PodFaults {
  readonly done: FaultDone[] = [];
  readonly #cluster: PodCluster;
  readonly #schedule: Iterable<PlannedPodFault>;
  /** The API server's coming back, which the next fault does not wait for. */
  #restarted: Promise<void> = Promise.resolve();

  constructor(cluster: PodCluster, schedule: Iterable<PlannedPodFault>) {
    this.#cluster = cluster;
    this.#schedule = schedule;
  }

  /** Until the time is over; what has begun then is brought to its end. */
  async carryOut(seconds: number, signal: AbortSignal): Promise<void> {
    const endMs = hostMs() + seconds * 1_000;
    const begunMs = hostMs();
    for (const planned of this.#schedule) {
      await sleep(planned.pauseMs, undefined, { signal }).catch(() => {});
      if (signal.aborted || hostMs() >= endMs) return;
      console.error(`${((hostMs() - begunMs) / 1_000).toFixed(1)} s: ${JSON.stringify(planned)}`);
      await this.#begin(planned);
    }
    await sleep(Math.max(0, endMs - hostMs()), undefined, { signal }).catch(() => {});
  }

  /** Everything that was taken away is back. */
  async heal(): Promise<void> {
    await this.#restarted;
    await this.#cluster.settled();
  }

  async #begin(fault: PlannedPodFault): Promise<void> {
    const cluster = this.#cluster;
    switch (fault.kind) {
      case "scale":
        return this.#during(fault.kind, [], () => cluster.scale(fault.replicas));
      case "rollout":
        return this.#during(fault.kind, [], () => cluster.rollOut(fault.how));
      case "delete-pod": {
        const member = fault.pick % cluster.replicas;
        return this.#during(fault.kind, [String(member)], () => cluster.deletePod(member));
      }
      case "restart-api": {
        await this.#restarted;
        await cluster.killApiServer();
        this.#restarted = this.#during(fault.kind, [], async () => {
          await sleep(fault.downMs);
          await cluster.startApiServer();
        });
        return;
      }
      case "lose-node":
      case "freeze-node": {
        const { node, members } = await cluster.workerNode(fault.pick);
        const [take, give] =
          fault.kind === "lose-node"
            ? [() => node.lose(), () => cluster.restore(node)]
            : [() => node.freeze(), () => node.thaw()];
        return this.#during(fault.kind, members, async (undone) => {
          await take();
          await sleep(fault.kind === "lose-node" ? fault.downMs : fault.forMs);
          await give();
          undone();
          await cluster.settled();
        });
      }
    }
  }

  /** @param members whom it is done to */
  async #during(
    kind: string,
    members: readonly string[],
    step: (undone: () => void) => Promise<unknown>,
  ): Promise<void> {
    const tMs = hostMs();
    const ofAll = members.length === 0 ? [undefined] : members;
    const done = ofAll.map((member) => ({ kind, member, tMs, untilMs: Number.POSITIVE_INFINITY }));
    this.done.push(...done);
    const undone = () => {
      for (const each of done) if (each.untilMs === Number.POSITIVE_INFINITY) each.untilMs = hostMs();
    };
    await step(undone);
    undone();
  }
}
