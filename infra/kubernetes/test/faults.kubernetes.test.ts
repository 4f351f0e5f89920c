import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { addressOf, ask, envOf, eventually, isReady, podOf, podsOf, ready } from "./support/asking.ts";
import { needsTestbed } from "./support/needs-testbed.ts";
import { app, deployment, pod, service, statefulSet } from "./support/objects.ts";

const testbed = needsTestbed();
const poll = { timeout: 60_000, interval: 100 };
const run = promisify(execFile);

describe("a testbed's network, accounts and faults", () => {
  it("a Service's address leads only to ready endpoints, and to nobody without one", async () => {
    const bed = testbed();
    await bed.apply([service("front"), deployment("front", 2, { containers: [app()] })]);
    await bed.kubectl("rollout", "status", "deployment/front", "--timeout=60s");
    const host = await addressOf(bed, "front");
    const [one, two] = (await podsOf(bed, "front")).map(({ status }) => status?.podIP ?? "");
    const answering = async () => {
      const seen = new Set<string | undefined>();
      for (let n = 0; n < 4; n += 1) {
        const answer = ask<{ env: Record<string, string> }>(host, "/env");
        seen.add(
          await answer.then(
            ({ env }) => env.HOST,
            () => "nobody",
          ),
        );
      }
      return [...seen].sort();
    };
    await expect.poll(answering, poll).toEqual([one, two].sort());
    await ask(`${one}:8080`, "/set?ready=false");
    await expect.poll(answering, poll).toEqual([two]);
    await ask(`${two}:8080`, "/set?ready=false");
    await expect.poll(answering, poll).toEqual(["nobody"]);
    await ask(`${one}:8080`, "/set?ready=true");
    await expect.poll(answering, poll).toEqual([one]);
  });

  it("a pod is to the API server its service account, with that account's rights and no others", async () => {
    const bed = testbed();
    await bed.kubectl("create", "serviceaccount", "reader");
    await bed.kubectl("create", "role", "reader", "--verb=list", "--resource=configmaps");
    await bed.kubectl("create", "rolebinding", "reader", "--role=reader", "--serviceaccount=default:reader");
    const silent = { serviceAccountName: "reader", automountServiceAccountToken: false, containers: [app()] };
    await bed.apply([
      pod("reader", { serviceAccountName: "reader", containers: [app()] }),
      pod("silent", silent),
    ]);
    const env = await envOf(await ready(bed, "reader"));
    const kubectl = (...args: string[]) => run("kubectl", args, { env });
    const { stdout } = await kubectl("get", "configmaps", "-o", "name");
    expect(stdout).toContain("kube-root-ca.crt");
    await expect(kubectl("get", "secrets")).rejects.toThrow(/system:serviceaccount:default:reader/);
    // The API server's own Service leads to it, with a certificate that is good for its address.
    const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
    await kubectl("get", "configmaps", "--server", `https://${host}:${port}`);
    expect(await envOf(await ready(bed, "silent"))).not.toHaveProperty("KUBECONFIG");
  });

  it("an API server that is away stops no process, and what happened meanwhile is told when it is back", async () => {
    const bed = testbed();
    await bed.apply([service("calm"), statefulSet("calm", 2, { containers: [app()] })]);
    await bed.kubectl("rollout", "status", "statefulset/calm", "--timeout=60s");
    const host = await addressOf(bed, "calm");
    const [{ status } = await podOf(bed, "calm-0")] = await podsOf(bed, "calm");
    await bed.killApiServer();
    expect(await ask(host, "/ready")).toEqual({});
    await ask(`${status?.podIP}:8080`, "/exit?code=9");
    await bed.startApiServer();
    await eventually(bed, "calm-0", {
      status: {
        containerStatuses: [{ restartCount: 1, ready: true, lastState: { terminated: { exitCode: 9 } } }],
      },
    });
    await bed.kubectl("scale", "statefulset/calm", "--replicas=3");
    await bed.kubectl("rollout", "status", "statefulset/calm", "--timeout=60s");
    expect(await podsOf(bed, "calm")).toHaveLength(3);
    await bed.kubectl("delete", "pod", "calm-1", "--timeout=30s");
    await bed.kubectl("rollout", "status", "statefulset/calm", "--timeout=60s");
  });

  it("a frozen node is NotReady, and ready again with the same processes when it is thawed in time", async () => {
    const bed = testbed();
    await bed.apply([
      pod("ice", { containers: [app()], tolerations: [{ operator: "Exists" }], nodeName: "node-3" }),
    ]);
    const { status } = await ready(bed, "ice");
    const pid = async () => (await ask<{ pid: number }>(`${status?.podIP}:8080`, "/env")).pid;
    const before = await pid();
    bed.nodes[2]?.freeze();
    await bed.kubectl("wait", "--for=condition=Ready=Unknown", "node/node-3", "--timeout=60s");
    await expect.poll(async () => isReady(await podOf(bed, "ice")), poll).toBe(false);
    bed.nodes[2]?.thaw();
    await bed.kubectl("wait", "--for=condition=Ready", "node/node-3", "--timeout=60s");
    await expect.poll(async () => isReady(await podOf(bed, "ice")), poll).toBe(true);
    expect(await pid()).toBe(before);
  });

  it("a lost node's pods stay Terminating until they are force-deleted, and run elsewhere then; started anew it takes its part again", async () => {
    const bed = testbed();
    const podAntiAffinity = {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: { app: "kept" } } },
      ],
    };
    await bed.apply([statefulSet("kept", 2, { containers: [app()], affinity: { podAntiAffinity } })]);
    await bed.kubectl("rollout", "status", "statefulset/kept", "--timeout=60s");
    const [victim] = await podsOf(bed, "kept");
    const lost = bed.nodes.find(({ name }) => name === victim?.spec.nodeName);
    const address = `${victim?.status?.podIP}:8080`;
    await lost?.lose();
    await expect(ask(address, "/env")).rejects.toThrow();
    await bed.kubectl("wait", "--for=condition=Ready=Unknown", `node/${lost?.name}`, "--timeout=60s");
    await eventually(bed, "kept-0", { metadata: { deletionTimestamp: expect.any(String) } });
    expect((await podOf(bed, "kept-0")).metadata.uid).toBe(victim?.metadata.uid);
    await bed.kubectl("delete", "pod", "kept-0", "--force", "--grace-period=0");
    await bed.kubectl("rollout", "status", "statefulset/kept", "--timeout=60s");
    const moved = await podOf(bed, "kept-0");
    expect(moved.spec.nodeName).not.toBe(lost?.name);
    await bed.startNode(lost?.name);
    await bed.kubectl("wait", "--for=condition=Ready", `node/${lost?.name}`, "--timeout=60s");
    await bed.kubectl("scale", "statefulset/kept", "--replicas=3");
    await bed.kubectl("rollout", "status", "statefulset/kept", "--timeout=60s");
    expect((await podOf(bed, "kept-2")).spec.nodeName).toBe(lost?.name);
  });

  it("a node that is stopped ends its pods in good order and reports them as failed", async () => {
    const bed = testbed();
    const node = await bed.startNode("node-9");
    const nodeSelector = { "kubernetes.io/hostname": "node-9" };
    await bed.apply([pod("last", { containers: [app()], nodeSelector })]);
    await ready(bed, "last");
    await node.stop();
    expect((await podOf(bed, "last")).status).toMatchObject({ phase: "Failed", reason: "Terminated" });
    expect(await bed.logs("default", "last")).toContain("SIGTERM");
  });
});
