import type { Api } from "../api/api.ts";
import { ApiError } from "../api/api-error.ts";
import { pause } from "../pause.ts";
import { type NodeFacts, nodeConditions, nodeObject } from "./node-object.ts";

const BEAT_MS = 1_000;
/** Its conditions are told with every third beat: the node controller takes Ready away from who was silent, and it is for the node to say it again. */
const CONDITIONS_EVERY = 3;
const LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
const MERGE = "application/strategic-merge-patch+json";

/** Resolves when the API knows the node; one of that name from before is taken over. */
export async function register(api: Api, facts: NodeFacts, signal: AbortSignal): Promise<void> {
  try {
    await api.insist("/api/v1/nodes", { method: "POST", body: nodeObject(facts), signal });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 409) throw error;
    const path = `/api/v1/nodes/${facts.name}/status`;
    await api.insist(path, { method: "PATCH", type: MERGE, body: nodeObject(facts), signal });
  }
}

/** Says that the node lives until the signal fires. Never rejects. */
export async function beat(api: Api, name: string, signal: AbortSignal): Promise<void> {
  for (let count = 0; !signal.aborted; count += 1) {
    try {
      await renewLease(api, name, signal);
      if (count % CONDITIONS_EVERY === 0) await tellConditions(api, name, true, signal);
    } catch {
      // The next beat says the same.
    }
    await pause(BEAT_MS, signal);
  }
}

export async function tellConditions(
  api: Api,
  name: string,
  isReady: boolean,
  signal: AbortSignal,
): Promise<void> {
  const body = { status: nodeConditions(isReady, Date.now()) };
  await api.ask(`/api/v1/nodes/${name}/status`, { method: "PATCH", type: MERGE, body, signal });
}

async function renewLease(api: Api, name: string, signal: AbortSignal): Promise<void> {
  const renewTime = new Date().toISOString().replace("Z", "000Z");
  const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime };
  try {
    await api.ask(`${LEASES}/${name}`, { method: "PATCH", type: MERGE, body: { spec }, signal });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    const body = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name }, spec };
    await api.ask(LEASES, { method: "POST", body, signal });
  }
}
