import type { Pod } from "../api/pod.ts";
import type { Machine } from "./machine.ts";
import { PodRunner } from "./pod-runner.ts";

/** All pods of one node. */
export class Pods {
  readonly #machine: Machine;
  readonly #runners = new Map<string, PodRunner>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  get all(): readonly PodRunner[] {
    return [...this.#runners.values()];
  }

  listed(pods: readonly Pod[]): void {
    const there = new Set(pods.map(({ metadata }) => metadata.uid));
    for (const uid of this.#runners.keys()) if (!there.has(uid)) this.#remove(uid);
    for (const pod of pods) this.changed(pod);
  }

  changed(pod: Pod): void {
    const runner = this.#runners.get(pod.metadata.uid);
    if (runner === undefined) this.#begin(pod);
    else runner.update(pod);
  }

  removed(pod: Pod): void {
    this.#remove(pod.metadata.uid);
  }

  #begin(pod: Pod): void {
    try {
      this.#runners.set(pod.metadata.uid, new PodRunner(this.#machine, pod));
    } catch (error) {
      // Without an address for it; the next list tries again.
      console.error(`node ${this.#machine.name}: ${pod.metadata.name} is not begun:`, error);
    }
  }

  #remove(uid: string): void {
    const runner = this.#runners.get(uid);
    this.#runners.delete(uid);
    void runner
      ?.kill()
      .then(() => runner.clear())
      .catch((error: unknown) => {
        console.error(`node ${this.#machine.name}: files of pod ${uid} are left:`, error);
      });
  }
}
