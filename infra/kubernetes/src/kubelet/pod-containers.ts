import { join } from "node:path";
import type { ContainerSpec, ContainerStatus, Pod } from "../api/pod.ts";
import { pause } from "../pause.ts";
import { Container } from "./container.ts";
import type { ContainerView, Role } from "./container-state.ts";
import { Deadline } from "./deadline.ts";
import type { PodPlace } from "./env/fields.ts";
import { launchOf } from "./launch.ts";
import type { Machine } from "./machine.ts";
import type { PodSources } from "./pod-sources.ts";
import { prepareVolumes } from "./volumes/volumes.ts";

const VOLUMES_AGAIN_MS = 300;

export interface PodContainersOptions {
  readonly machine: Machine;
  readonly pod: Pod;
  readonly directory: string;
  readonly place: PodPlace;
  readonly sources: PodSources;
  readonly graceSeconds: number;
  changed(): void;
}

/** The containers of a pod in their order: init containers and sidecars one after another, then all others, then the sidecars' end. */
export class PodContainers {
  readonly #options: PodContainersOptions;
  readonly #inits: readonly Container[];
  readonly #main: readonly Container[];
  /** Fires when nothing is to be begun any more. */
  readonly #stop = new AbortController();
  #volumes: ReadonlyMap<string, string> = new Map();
  #deadline: Deadline | undefined;

  constructor(options: PodContainersOptions) {
    this.#options = options;
    const { spec, status } = options.pod;
    this.#inits = (spec.initContainers ?? []).map((each) =>
      this.#container(
        each,
        each.restartPolicy === "Always" ? "sidecar" : "init",
        status?.initContainerStatuses,
      ),
    );
    this.#main = spec.containers.map((each) => this.#container(each, "main", status?.containerStatuses));
  }

  get views(): ContainerView[] {
    return [...this.#inits, ...this.#main].map(({ view }) => view);
  }

  /** Resolves when all of them have ended for good. Never rejects. */
  async run(): Promise<void> {
    const sidecars: { container: Container; ended: Promise<void> }[] = [];
    await this.#prepareVolumes();
    if (await this.#initialize(sidecars)) await Promise.all(this.#main.map((each) => each.run()));
    this.#deadline ??= new Deadline(Date.now() + this.#options.graceSeconds * 1_000);
    for (const { container, ended } of sidecars.reverse()) {
      container.end(this.#deadline);
      await ended;
    }
    this.#deadline.clear();
  }

  end(deadline: Deadline): void {
    this.#deadline = deadline;
    this.#stop.abort();
    for (const each of [...this.#inits, ...this.#main]) {
      // Sidecars go when those that they serve have gone.
      if (each.role !== "sidecar") each.end(deadline);
    }
  }

  kill(): void {
    this.#stop.abort();
    for (const each of [...this.#inits, ...this.#main]) each.kill();
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    for (const each of [...this.#inits, ...this.#main]) each.signal(signal);
  }

  async #prepareVolumes(): Promise<void> {
    const { pod, sources, place, directory } = this.#options;
    const from = { pod, place, dataOf: sources.dataOf, tokenFor: sources.tokenFor, claimed: sources.claimed };
    while (!this.#stop.signal.aborted) {
      try {
        this.#volumes = await prepareVolumes(pod, join(directory, "volumes"), from);
        return;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        for (const each of this.#main) each.waitFor((error as Error).message);
        await pause(VOLUMES_AGAIN_MS, this.#stop.signal);
      }
    }
  }

  /** Whether the main containers can begin. */
  async #initialize(sidecars: { container: Container; ended: Promise<void> }[]): Promise<boolean> {
    for (const container of this.#inits) {
      if (this.#stop.signal.aborted) return false;
      const ended = container.run();
      if (container.role === "sidecar") {
        sidecars.push({ container, ended });
        // A sidecar that hangs in its start is ended out of turn: nobody uses it yet.
        const stopped = this.#stopped();
        await Promise.race([container.started, stopped]);
        continue;
      }
      await ended;
      const { state } = container.view;
      if (state.kind !== "terminated" || state.exit.code !== 0) return false;
    }
    return !this.#stop.signal.aborted;
  }

  #stopped(): Promise<void> {
    const { signal } = this.#stop;
    return new Promise((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  #container(spec: ContainerSpec, role: Role, before: readonly ContainerStatus[] | undefined): Container {
    const { machine, pod, place, sources, directory, graceSeconds, changed } = this.#options;
    return new Container({
      ...{ spec, role, graceSeconds, changed, podIP: place.podIP, gate: machine.gate },
      restartPolicy: pod.spec.restartPolicy ?? "Always",
      before: before?.find(({ name }) => name === spec.name),
      launch: () =>
        launchOf({ pod, container: spec, machine, place, sources, directory, volumes: this.#volumes }),
    });
  }
}
