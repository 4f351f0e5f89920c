import type { Api } from "../api/api.ts";
import { ApiError } from "../api/api-error.ts";
import type { KeyedData, PersistentVolume, PersistentVolumeClaim, Service } from "../api/objects.ts";
import type { Pod } from "../api/pod.ts";
import type { DataOf } from "./env/container-env.ts";
import { serviceVariables } from "./env/service-variables.ts";

/** Longer than any harness lives, so that no token has to be renewed. */
const TOKEN_SECONDS = 86_400;

/** What a pod needs of the API before it can run. */
export class PodSources {
  readonly #api: Api;
  readonly #signal: AbortSignal;
  readonly #pod: Pod;
  readonly #tokens = new Map<string | undefined, Promise<string>>();

  constructor(api: Api, pod: Pod, signal: AbortSignal) {
    this.#api = api;
    this.#pod = pod;
    this.#signal = signal;
  }

  dataOf: DataOf = async (kind, name) => {
    const found = await this.#find<KeyedData>(`${this.#namespace}/${kind}/${name}`);
    if (found === undefined) return undefined;
    const { data = {}, binaryData = {} } = found;
    const coding = kind === "secrets" ? "base64" : "utf8";
    return new Map([
      ...Object.entries(data).map(([key, value]) => [key, Buffer.from(value, coding)] as const),
      ...Object.entries(binaryData).map(([key, value]) => [key, Buffer.from(value, "base64")] as const),
    ]);
  };

  /** Of the Services that are there now; of `kubernetes` alone where the pod wants none. */
  async serviceVariables(): Promise<Record<string, string>> {
    const kubernetes = await this.#find<Service>("/api/v1/namespaces/default/services/kubernetes");
    const own = this.#pod.spec.enableServiceLinks === false ? [] : await this.#services();
    return serviceVariables(kubernetes === undefined ? own : [kubernetes, ...own]);
  }

  tokenFor = (audience: string | undefined): Promise<string> => {
    const token = this.#tokens.get(audience) ?? this.#token(audience);
    this.#tokens.set(audience, token);
    token.catch(() => this.#tokens.delete(audience));
    return token;
  };

  claimed = async (claim: string): Promise<string> => {
    const path = `${this.#namespace}/persistentvolumeclaims/${claim}`;
    const { volumeName = "" } = (await this.#find<PersistentVolumeClaim>(path))?.spec ?? {};
    if (volumeName === "") throw new Error(`persistentvolumeclaim ${claim} is not bound`);
    const volume = await this.#find<PersistentVolume>(`/api/v1/persistentvolumes/${volumeName}`);
    const directory = volume?.spec.hostPath?.path;
    if (directory === undefined) throw new Error(`persistentvolume ${volumeName} is no directory`);
    return directory;
  };

  async #token(audience: string | undefined): Promise<string> {
    const { name, uid } = this.#pod.metadata;
    const account = this.#pod.spec.serviceAccountName ?? "default";
    const spec = {
      audiences: audience === undefined ? [] : [audience],
      expirationSeconds: TOKEN_SECONDS,
      boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
    };
    const path = `${this.#namespace}/serviceaccounts/${account}/token`;
    const question = { method: "POST", body: { spec }, signal: this.#signal } as const;
    return (await this.#api.insist<{ status: { token: string } }>(path, question)).status.token;
  }

  async #services(): Promise<readonly Service[]> {
    const question = { signal: this.#signal };
    return (await this.#api.insist<{ items: Service[] }>(`${this.#namespace}/services`, question)).items;
  }

  async #find<T>(path: string): Promise<T | undefined> {
    try {
      return await this.#api.insist<T>(path, { signal: this.#signal });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  get #namespace(): string {
    return `/api/v1/namespaces/${this.#pod.metadata.namespace}`;
  }
}
