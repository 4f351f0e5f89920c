import { setTimeout as sleep } from "node:timers/promises";
import type { Directory } from "@shardcast/control";
import pRetry from "p-retry";
import type { ChaosBroker } from "./broker.ts";
import type { FaultDone } from "./checker/history.ts";
import type { Cluster } from "./cluster.ts";
import type { Fault } from "./fault.ts";
import { hostMs } from "./host-clock.ts";
import type { Link } from "./link.ts";
import type { Planned } from "./schedule.ts";

export interface FaultsOptions {
  readonly cluster: Cluster;
  readonly broker: ChaosBroker;
  readonly directory: Directory;
  readonly schedule: readonly Planned[];
}

/** Before it takes workers away that still have lanes, as an impatient operator would. */
const LEAVE_LIMIT_MS = 30_000;
const LEAVE_POLL_MS = 100;

/** Carries faults out, and undoes them. */
export class Faults {
  readonly done: FaultDone[] = [];
  readonly #cluster: Cluster;
  readonly #broker: ChaosBroker;
  readonly #directory: Directory;
  readonly #schedule: readonly Planned[];
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Changes of all workers come one after another. */
  #changes: Promise<void> = Promise.resolve();

  constructor({ cluster, broker, directory, schedule }: FaultsOptions) {
    this.#cluster = cluster;
    this.#broker = broker;
    this.#directory = directory;
    this.#schedule = schedule;
  }

  async carryOut(seconds: number, signal: AbortSignal): Promise<void> {
    const begunMs = performance.now();
    const until = async (atMs: number) => {
      const leftMs = begunMs + atMs - performance.now();
      if (leftMs > 0) await sleep(leftMs, undefined, { signal }).catch(() => {});
    };
    for (const planned of this.#schedule) {
      await until(planned.atMs);
      if (signal.aborted) return;
      console.error(`${(planned.atMs / 1_000).toFixed(1)} s: ${JSON.stringify(planned)}`);
      this.#begin(planned);
    }
    await until(seconds * 1_000);
  }

  #begin(fault: Fault): void {
    const member = "member" in fault ? String(fault.member) : undefined;
    const tMs = hostMs();
    const lastsMs = "forMs" in fault ? fault.forMs : "downMs" in fault ? fault.downMs : 0;
    const done = { kind: fault.kind, member, tMs, untilMs: tMs + lastsMs };
    this.done.push(done);
    const { workers, gateways } = this.#cluster;
    switch (fault.kind) {
      case "kill-worker":
        workers[fault.member]?.kill(fault.downMs);
        return;
      case "stop-worker":
        workers[fault.member]?.freeze(fault.forMs);
        return;
      case "kill-gateway":
        gateways[fault.gateway]?.kill(fault.downMs);
        return;
      case "stop-gateway":
        gateways[fault.gateway]?.freeze(fault.forMs);
        return;
      case "clock":
        workers[fault.member]?.shiftClock(fault.byMs);
        this.#later(fault.forMs, () => workers[fault.member]?.shiftClock(0));
        return;
      case "slow-link":
        this.#link(fault.member)?.set({ kind: "slow", delayMs: fault.delayMs });
        this.#later(fault.forMs, () => this.#link(fault.member)?.set({ kind: "whole" }));
        return;
      case "cut-link":
        this.#link(fault.member)?.set({ kind: fault.how === "cut" ? "cut" : "held" });
        this.#later(fault.forMs, () => this.#link(fault.member)?.set({ kind: "whole" }));
        return;
      case "stop-broker":
        this.#broker.faulty?.broker.pause();
        this.#later(fault.forMs, () => this.#broker.faulty?.broker.resume());
        return;
      case "restart-broker":
        done.untilMs = Number.POSITIVE_INFINITY;
        this.#change(async () => {
          // A machine that is busy with all this may be too slow for a start; the broker must come back all the same.
          await pRetry(async () => this.#broker.faulty?.broker.restart(), { retries: 3 });
          done.untilMs = hostMs();
        });
        return;
      case "roll":
        this.#change(() => this.#roll());
        return;
      case "scale":
        this.#change(() => this.#scale(fault.replicas));
        return;
    }
  }

  /** Waits for faults to be over, and undoes what is left. */
  async heal(): Promise<void> {
    const overMs = Math.max(0, ...this.done.map(({ untilMs }) => untilMs).filter(Number.isFinite));
    await sleep(Math.max(0, overMs - hostMs()));
    for (const timer of this.#timers) clearTimeout(timer);
    for (const link of this.#broker.faulty?.links ?? []) link.set({ kind: "whole" });
    this.#broker.faulty?.broker.resume();
    this.#cluster.heal();
    await this.#changes;
    this.#cluster.heal();
  }

  async #roll(): Promise<void> {
    const { workers, replicas } = this.#cluster;
    for (const worker of workers.slice(0, replicas)) {
      if (worker.frozen) continue; // it could not hear, and shall come back as the zombie it was meant to be
      await worker.stop();
      worker.start();
      await worker.ready();
    }
  }

  async #scale(replicas: number): Promise<void> {
    const { workers } = this.#cluster;
    for (const worker of workers.slice(0, replicas)) worker.start();
    this.#cluster.want(replicas);
    // A StatefulSet would take them away at once; that is what `roll` and `kill-worker` try. Here lanes leave first.
    for (
      let waitedMs = 0;
      waitedMs < LEAVE_LIMIT_MS && this.#someLaneAbove(replicas);
      waitedMs += LEAVE_POLL_MS
    ) {
      await sleep(LEAVE_POLL_MS);
    }
    await Promise.all(workers.slice(replicas).map((worker) => worker.stop()));
  }

  #someLaneAbove(replicas: number): boolean {
    const owners = [...this.#directory.state.lanes().values()];
    return owners.some((lane) => lane.kind === "owned" && Number(lane.member) >= replicas);
  }

  #link(member: number): Link | undefined {
    return this.#broker.faulty?.links[member];
  }

  #change(step: () => Promise<unknown>): void {
    this.#changes = this.#changes.then(step).then(
      () => {},
      (error: unknown) => console.error("a fault could not be carried out:", error),
    );
  }

  #later(ms: number, undo: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      undo();
    }, ms);
    this.#timers.add(timer);
  }
}
