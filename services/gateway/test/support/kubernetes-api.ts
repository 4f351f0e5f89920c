import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

type Collection = "statefulsets" | "pods" | "endpointslices";

interface Watch {
  readonly of: Collection;
  readonly response: ServerResponse;
}

export interface PodOfTest {
  readonly ordinal: number;
  readonly uid?: string;
  readonly ip?: string;
  readonly ready?: boolean;
  readonly terminating?: boolean;
}

/** An API server that knows the StatefulSet `accounts` and its pods; away until it says how many replicas. */
export async function startApi({ refused = [] }: { refused?: readonly Collection[] } = {}) {
  const watches = new Set<Watch>();
  const asked: string[] = [];
  let [version, replicas] = [1, 0];
  const metadata = (name: string) => ({ name, resourceVersion: `${version}` });
  const pods = new Map<string, object>();

  const items: Readonly<Record<Collection, () => readonly object[]>> = {
    statefulsets: () => [
      {
        metadata: metadata("accounts"),
        spec: { replicas, serviceName: "accounts", selector: { matchLabels: { app: "accounts" } } },
      },
    ],
    pods: () => [...pods.values()],
    // All that have an address.
    endpointslices: () => [
      {
        metadata: metadata("accounts-x"),
        endpoints: [...pods.values()].map((pod) => {
          const { name, uid } = (pod as { metadata: { name: string; uid: string } }).metadata;
          return { hostname: name, targetRef: { uid } };
        }),
      },
    ],
  };

  function changed(of: Collection, type: string, objects: readonly object[]): void {
    for (const watch of watches) {
      if (watch.of !== of) continue;
      for (const object of objects) watch.response.write(`${JSON.stringify({ type, object })}\n`);
    }
  }

  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://api");
    const of = pathname.split("/").at(-1) as Collection;
    asked.push(`${pathname} ${searchParams.get("fieldSelector") ?? searchParams.get("labelSelector")}`);
    if (refused.includes(of)) response.writeHead(403).end("{}");
    else if (replicas === 0) response.writeHead(503).end("{}");
    else if (searchParams.has("watch")) {
      response.writeHead(200).flushHeaders();
      const watch = { of, response };
      watches.add(watch);
      response.on("close", () => watches.delete(watch));
    } else {
      response.end(JSON.stringify({ metadata: { resourceVersion: `${version}` }, items: items[of]() }));
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    env: { KUBECONFIG: kubeconfigOf(address) },
    asked,
    watches,
    scale(to: number) {
      version++;
      replicas = to;
      changed("statefulsets", "MODIFIED", items.statefulsets());
    },
    pod(one: PodOfTest) {
      version++;
      const pod = podOf(one, `${version}`);
      pods.set(pod.metadata.name, pod);
      changed("pods", "MODIFIED", [pod]);
      changed("endpointslices", "MODIFIED", items.endpointslices());
    },
  };
}

function podOf({ ordinal, uid, ip, ready = true, terminating = false }: PodOfTest, resourceVersion: string) {
  const name = `accounts-${ordinal}`;
  return {
    metadata: {
      ...{ name, resourceVersion, uid: uid ?? `uid-${ordinal}`, labels: { app: "accounts" } },
      ...(terminating ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
      ownerReferences: [{ kind: "StatefulSet", name: "accounts", controller: true }],
    },
    spec: { containers: [{ ports: [{ name: "http", containerPort: 3_000 }, { containerPort: 9 }] }] },
    status: {
      podIPs: [{ ip: ip ?? `10.0.0.${ordinal}` }, { ip: `fd00::${ordinal}` }],
      conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
    },
  };
}

function kubeconfigOf(server: string): string {
  const dir = mkdtempSync(join(tmpdir(), "shardcast-kubernetes-api-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const file = join(dir, "config");
  const config = {
    clusters: [{ name: "c", cluster: { server, "insecure-skip-tls-verify": true } }],
    users: [{ name: "u", user: {} }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u", namespace: "bank" } }],
    "current-context": "x",
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}
