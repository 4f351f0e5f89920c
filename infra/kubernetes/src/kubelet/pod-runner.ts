import { setMaxListeners } from "node:events";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { isGone } from "../api/api-error.ts";
import type { Pod } from "../api/pod.ts";
import { pause } from "../pause.ts";
import { Deadline } from "./deadline.ts";
import type { Machine } from "./machine.ts";
import { PodContainers } from "./pod-containers.ts";
import { PodSources } from "./pod-sources.ts";
import { type PodFault, podStatus } from "./status/pod-status.ts";
import { StatusWriter } from "./status/status-writer.ts";

const DEFAULT_GRACE_SECONDS = 30;

/** One pod of a node, from when the API tells of it until it is gone. */
export class PodRunner {
  readonly #machine: Machine;
  readonly #writer: StatusWriter;
  readonly #containers: PodContainers;
  readonly #directory: string;
  readonly #podIP: string;
  readonly #startedAt = Date.now();
  /** Fires when nothing of it is to be asked or told any more. */
  readonly #gone = new AbortController();
  readonly #ended: Promise<void>;
  #pod: Pod;
  /** `kept`: it had ended before its node started anew, and stays as the API knows it. */
  #life: "running" | "over" | "kept" = "running";
  #fault: PodFault | undefined;
  #deadline: Deadline | undefined;
  #confirmed: Promise<void> | undefined;

  constructor(machine: Machine, pod: Pod) {
    setMaxListeners(0, this.#gone.signal);
    this.#machine = machine;
    this.#pod = pod;
    this.#directory = join(machine.directory, pod.metadata.uid);
    this.#podIP = pod.spec.hostNetwork ? machine.address : machine.podAddresses.take(pod.status?.podIP);
    this.#writer = new StatusWriter(machine.api, pod, this.#gone.signal);
    this.#containers = new PodContainers({
      ...{ machine, pod, directory: this.#directory },
      place: { podIP: this.#podIP, hostIP: machine.address, allocatable: machine.allocatable },
      sources: new PodSources(machine.api, pod, this.#gone.signal),
      graceSeconds: pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS,
      changed: () => this.#tell(),
    });
    this.#ended = this.#run();
    this.update(pod);
  }

  /** What the API says of it now. */
  update(pod: Pod): void {
    this.#pod = pod;
    this.#writer.read(pod);
    const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata;
    if (deletionTimestamp !== undefined) {
      // The timestamp is when the grace is over, in whole seconds, so up to one too early.
      const at = Math.min(
        Date.now(),
        Date.parse(deletionTimestamp) + 1_000 - deletionGracePeriodSeconds * 1_000,
      );
      this.end(at + deletionGracePeriodSeconds * 1_000);
      this.#confirmed ??= this.#confirmDeletion();
    }
    void this.#tell();
  }

  /** Ends it in good order, by force from `at` on (ms of the epoch). Resolves when it has ended and the API knows it. */
  end(at: number, fault?: PodFault): Promise<void> {
    this.#fault ??= fault;
    if (this.#deadline === undefined) {
      this.#deadline = new Deadline(at);
      this.#containers.end(this.#deadline);
    } else this.#deadline.moveUp(at);
    return this.#ended;
  }

  /** It is not in the API any more, or its machine is no more: it ends at once, and nothing is told of it. */
  async kill(): Promise<void> {
    this.#gone.abort();
    this.#containers.kill();
    await this.#ended;
    this.#deadline?.clear();
  }

  /** After its end: nothing is left of it but its output. */
  async clear(): Promise<void> {
    if (!this.#pod.spec.hostNetwork) this.#machine.podAddresses.giveBack(this.#podIP);
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#containers.signal(signal);
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { phase } = this.#pod.status ?? {};
    if (phase === "Succeeded" || phase === "Failed") {
      this.#life = "kept";
      return;
    }
    this.#limitLife();
    await this.#containers.run();
    this.#life = "over";
    await this.#tell();
  }

  /** Resolves when the API knows how it is now. Never rejects. */
  async #tell(): Promise<void> {
    if (this.#life === "kept" || this.#gone.signal.aborted) return;
    const facts = {
      ...{ pod: this.#pod, containers: this.#containers.views, over: this.#life === "over" },
      ...{
        fault: this.#fault,
        startedAt: this.#startedAt,
        podIP: this.#podIP,
        hostIP: this.#machine.address,
      },
    };
    await this.#writer.write(podStatus(facts, Date.now()));
  }

  /** The last word on a pod that was to be deleted: from then on its name is free. */
  async #confirmDeletion(): Promise<void> {
    await this.#ended;
    const { namespace, name, uid } = this.#pod.metadata;
    const body = { gracePeriodSeconds: 0, preconditions: { uid } };
    const question = { method: "DELETE", body, signal: this.#gone.signal } as const;
    try {
      await this.#machine.api.insist(`/api/v1/namespaces/${namespace}/pods/${name}`, question);
    } catch (error) {
      if (!isGone(error) && !this.#gone.signal.aborted) {
        console.error(`node ${this.#machine.name}: ${namespace}/${name} is not deleted:`, error);
      }
    }
  }

  #limitLife(): void {
    const { activeDeadlineSeconds, terminationGracePeriodSeconds = DEFAULT_GRACE_SECONDS } = this.#pod.spec;
    if (activeDeadlineSeconds === undefined) return;
    const message = "Pod was active on the node longer than the specified deadline";
    void pause(activeDeadlineSeconds * 1_000, this.#gone.signal).then((isOver) => {
      if (!isOver || this.#life !== "running") return;
      void this.end(Date.now() + terminationGracePeriodSeconds * 1_000, {
        reason: "DeadlineExceeded",
        message,
      });
    });
  }
}
