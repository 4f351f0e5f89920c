import { isDeepStrictEqual } from "node:util";
import type { Api } from "../../api/api.ts";
import { isGone } from "../../api/api-error.ts";
import type { Pod, PodStatus } from "../../api/pod.ts";
import { since } from "./pod-status.ts";

/** Brings the newest status of one pod to the API, one after another; what is overtaken meanwhile is not sent. */
export class StatusWriter {
  readonly #api: Api;
  readonly #path: string;
  readonly #uid: string;
  readonly #signal: AbortSignal;
  #wanted: PodStatus | undefined;
  #written: { readonly status: PodStatus | undefined; readonly version: number };
  #queue: Promise<void> = Promise.resolve();

  constructor(api: Api, pod: Pod, signal: AbortSignal) {
    const { namespace, name, uid } = pod.metadata;
    this.#api = api;
    this.#path = `/api/v1/namespaces/${namespace}/pods/${name}/status`;
    this.#uid = uid;
    this.#signal = signal;
    this.#written = { status: pod.status, version: 0 };
  }

  /** Resolves when this status, or one after it, is known to the API, or the pod is gone. Never rejects. */
  write(status: PodStatus): Promise<void> {
    this.#wanted = status;
    this.#queue = this.#queue.then(() => this.#writeNewest());
    return this.#queue;
  }

  /** What the API says of the pod. Where it says what we have not, the next write is of everything: the node controller does so, of nodes that were silent. */
  read(pod: Pod): void {
    const version = Number(pod.metadata.resourceVersion);
    const { status: written } = this.#written;
    if (written === undefined || version <= this.#written.version) return;
    const { phase, conditions = [] } = pod.status ?? {};
    const isChanged = written.conditions?.some(
      ({ type, status }) => conditions.find((each) => each.type === type)?.status !== status,
    );
    if (isChanged === true || phase !== written.phase) this.#written = { status: pod.status, version };
  }

  async #writeNewest(): Promise<void> {
    if (this.#wanted === undefined || this.#signal.aborted) return;
    const status = since(this.#wanted, this.#written.status);
    this.#wanted = undefined;
    if (!isDeepStrictEqual(status, this.#written.status)) await this.#send(status);
  }

  async #send(status: PodStatus): Promise<void> {
    const body = { metadata: { uid: this.#uid }, status };
    const question = { method: "PATCH", type: "application/strategic-merge-patch+json", body } as const;
    try {
      const { metadata } = await this.#api.insist<Pod>(this.#path, { ...question, signal: this.#signal });
      this.#written = { status, version: Number(metadata.resourceVersion) };
    } catch (error) {
      if (!isGone(error) && !this.#signal.aborted) console.error(`${this.#path}:`, error);
    }
  }
}
