import type { MemberPod } from "../../src/member-view.ts";
import type { Namespace } from "./real-cluster.ts";

/** What discovery of `accounts` should say, from the API's own lists, read with its own client. */
export async function apiView(namespace: Namespace, start = 0): Promise<MemberPod[]> {
  const [pods, slices] = [await namespace.pods(), await namespace.endpointSlices()];
  const endpoints = slices.flatMap(({ endpoints }) => endpoints ?? []);
  return pods
    .map(({ metadata, spec, status }): MemberPod => {
      const name = metadata?.name ?? "";
      const endpoint = endpoints.find(
        ({ hostname, targetRef }) => hostname === name && targetRef?.uid === metadata?.uid,
      );
      return {
        ...{
          member: String(Number(name.slice("accounts-".length)) - start),
          pod: name,
          uid: metadata?.uid ?? "",
        },
        ...{ namespace: namespace.name, node: spec?.nodeName },
        addresses: (status?.podIPs ?? []).map(({ ip }) => ip ?? ""),
        dnsName: endpoint?.conditions?.ready
          ? `${name}.accounts.${namespace.name}.svc.cluster.local`
          : undefined,
        ports: { http: 3_000 },
        ready: status?.conditions?.find(({ type }) => type === "Ready")?.status === "True",
        terminating: metadata?.deletionTimestamp !== undefined,
        revision: metadata?.labels?.["controller-revision-hash"],
      };
    })
    .sort((a, b) => Number(a.member) - Number(b.member));
}
