import { describe, expect, it, onTestFinished, vi } from "vitest";
import { StatefulSetPods, type StatefulSetPodsOptions } from "../src/stateful-set-pods.ts";
import { FakeApi } from "./support/fake-api.ts";
import { recordingLogger } from "./support/logger.ts";
import { podObject, sliceObject, statefulSetObject } from "./support/objects.ts";

async function start(options: Partial<StatefulSetPodsOptions> = {}) {
  const api = await FakeApi.start();
  const { logger, ...log } = recordingLogger();
  const times = { retryMinMs: 1, retryMaxMs: 4 };
  const source = new StatefulSetPods({ cluster: api.cluster(), name: "accounts", logger, times, ...options });
  onTestFinished(() => source.close());
  const changed = () =>
    new Promise<void>((resolve) => {
      const stop = source.watch(() => {
        stop();
        resolve();
      });
    });
  /** Resolves when `pods()` says so for the field. */
  const says = async (field: keyof ReturnType<typeof source.pods>[number], expected: unknown[]) => {
    await expect.poll(() => source.pods().map((pod) => pod[field])).toEqual(expected);
  };
  return { api, source, changed, says, ...log };
}

/** One whose StatefulSet is known; pods and slices are asked for. */
async function startWithSet(spec: object = {}, options: Partial<StatefulSetPodsOptions> = {}) {
  const parts = await start(options);
  (await parts.api.nextList("/statefulsets")).list("1", statefulSetObject(1, spec));
  return { ...parts, sets: await parts.api.nextWatch("/statefulsets") };
}

/** One of which these pods are known, and all of them in DNS. */
async function startWith(...names: readonly string[]) {
  const parts = await startWithSet();
  const { api, source } = parts;
  (await api.nextList("/pods")).list("1", ...names.map((name) => podObject(name, 1)));
  (await api.nextList("/endpointslices")).list("1", sliceObject("s", 1, ...names.map((pod) => ({ pod }))));
  await expect.poll(() => source.silentMs).toBeDefined();
  return { ...parts, pods: await api.nextWatch("/pods"), slices: await api.nextWatch("/endpointslices") };
}

describe("the pods of a StatefulSet", () => {
  it("are found by its selector, and what names them by its Service, in its namespace", async () => {
    const { api, source } = await startWithSet({
      serviceName: "accounts-peers",
      selector: { matchLabels: { app: "a" }, matchExpressions: [{ key: "tier", operator: "Exists" }] },
    });
    const pods = await api.nextList("/pods");
    expect(pods.path).toBe("/api/v1/namespaces/bank/pods");
    expect(pods.query).toMatchObject({ labelSelector: "app=a,tier" });
    const slices = await api.nextList("/endpointslices");
    expect(slices.path).toBe("/apis/discovery.k8s.io/v1/namespaces/bank/endpointslices");
    expect(slices.query).toMatchObject({ labelSelector: "kubernetes.io/service-name=accounts-peers" });
    expect(source.pods()).toEqual([]);
  });

  it("are told with all that the API says of them, by ordinal, and with nothing else", async () => {
    const { source } = await startWith("accounts-10", "accounts-2", "accounts-0");
    expect(source.pods().map(({ member }) => member)).toEqual(["0", "2", "10"]);
    expect(source.podOf("2")).toEqual({
      ...{ member: "2", pod: "accounts-2", uid: "uid-of-accounts-2", namespace: "bank", node: "node-1" },
      ...{ addresses: ["10.0.0.1", "fd00::1"], dnsName: "accounts-2.accounts.bank.svc.cluster.local" },
      ...{
        ports: { http: 3_000, metrics: 9_090 },
        ready: true,
        terminating: false,
        revision: "accounts-abc",
      },
    });
    expect(source.podOf("1")).toBeUndefined();
  });

  it("are members from the ordinal on at which the StatefulSet begins", async () => {
    const { api, sets, says } = await startWithSet({ ordinals: { start: 5 } });
    const names = ["accounts-4", "accounts-5", "accounts-7"];
    (await api.nextList("/pods")).list("1", ...names.map((name) => podObject(name, 1)));
    await says("pod", ["accounts-5", "accounts-7"]);
    await says("member", ["0", "2"]);
    sets.event("MODIFIED", statefulSetObject(2, { ordinals: { start: 4 } }));
    await says("pod", names);
    await says("member", ["0", "1", "3"]);
  });

  it("are not others that have its labels", async () => {
    const { api, says } = await startWithSet();
    const controlledBy = (kind: string, name: string) => ({
      metadata: { ownerReferences: [{ kind, name, uid: "x", controller: true }] },
    });
    (await api.nextList("/pods")).list(
      "1",
      podObject("accounts-0", 1),
      // Left behind by --cascade=orphan, or already the next StatefulSet's of that name.
      podObject("accounts-1", 1, { metadata: { ownerReferences: undefined } }),
      podObject("accounts-2", 1, controlledBy("StatefulSet", "accounts")),
      podObject("accounts-3", 1, controlledBy("ReplicaSet", "accounts")),
      podObject("accounts-4", 1, controlledBy("StatefulSet", "accounts-of-others")),
      ...[
        "accounts-05",
        "accounts-",
        "accounts",
        "accounts-x-6",
        "my-accounts-7",
        "accounts-8-9",
        "payments-9",
      ].map((name) => podObject(name, 1, { metadata: { ownerReferences: undefined } })),
    );
    await says("pod", ["accounts-0", "accounts-1", "accounts-2"]);
  });

  it("are ready by their own condition, whatever publishes them", async () => {
    const { pods, slices, says } = await startWith("accounts-0", "accounts-1");
    pods.event("MODIFIED", podObject("accounts-0", 2, { ready: false }));
    await says("ready", [false, true]);
    // As with publishNotReadyAddresses.
    await says("dnsName", [expect.any(String), expect.any(String)]);
    slices.event("MODIFIED", sliceObject("s", 2, { pod: "accounts-0" }, { pod: "accounts-1", ready: false }));
    await says("dnsName", [expect.any(String), undefined]);
    await says("ready", [false, true]);
    pods.event("MODIFIED", podObject("accounts-1", 3, { status: { conditions: undefined } }));
    await says("ready", [false, false]);
  });

  it("have the DNS names that are published, and only while they lead to them", async () => {
    const { slices, pods, says } = await startWith("accounts-0", "accounts-1");
    const name = (pod: number) => `accounts-${pod}.accounts.bank.svc.cluster.local`;
    await says("dnsName", [name(0), name(1)]);
    slices.event(
      "MODIFIED",
      // No answer to whether it is ready is none to the contrary.
      sliceObject(
        "s",
        2,
        { pod: "accounts-0", ready: undefined },
        { pod: "accounts-1", hostname: undefined },
      ),
    );
    await says("dnsName", [name(0), undefined]);
    slices.event("ADDED", sliceObject("t", 3, { pod: "accounts-1" }));
    await says("dnsName", [name(0), name(1)]);
    // The next pod of that name, while the name still leads to the last one.
    pods.event("DELETED", podObject("accounts-0", 4));
    pods.event("ADDED", podObject("accounts-0", 5, { uid: "new" }));
    await says("uid", ["new", "uid-of-accounts-1"]);
    await says("dnsName", [undefined, name(1)]);
    slices.event("MODIFIED", sliceObject("s", 6, { pod: "accounts-0", uid: "new" }));
    await says("dnsName", [name(0), name(1)]);
    slices.event("DELETED", sliceObject("t", 7));
    slices.event("MODIFIED", sliceObject("s", 8));
    await says("dnsName", [undefined, undefined]);
  });

  it("have DNS names in another domain where one is named, and none without a Service", async () => {
    const here = await startWithSet({}, { clusterDomain: "bank.example" });
    (await here.api.nextList("/pods")).list("1", podObject("accounts-0", 1));
    (await here.api.nextList("/endpointslices")).list("1", sliceObject("s", 1, { pod: "accounts-0" }));
    await here.says("dnsName", ["accounts-0.accounts.bank.svc.bank.example"]);
    const there = await startWithSet({ serviceName: "" });
    (await there.api.nextList("/pods")).list("1", podObject("accounts-0", 1));
    await there.says("dnsName", [undefined]);
    await there.api.nextWatch("/pods");
    await expect.poll(() => there.source.silentMs).toBeDefined();
    expect(there.api.left).toBe(0);
  });

  it("have what pods have before they run, and the ports of sidecars too", async () => {
    const { api, source, says } = await startWithSet();
    const port = (name: string, containerPort: number) => ({ ports: [{ name, containerPort }] });
    (await api.nextList("/pods")).list(
      "1",
      podObject("accounts-0", 1, {
        metadata: { labels: undefined },
        spec: { nodeName: "" },
        status: { podIPs: [], podIP: "" },
      }),
      podObject("accounts-1", 1, {
        spec: {
          initContainers: [
            { restartPolicy: "Always", ...port("sidecar", 4_000) },
            { ...port("migration", 1) },
            { restartPolicy: "Always", ...port("http", 5_000) },
          ],
        },
        status: { podIPs: undefined },
      }),
    );
    await says("pod", ["accounts-0", "accounts-1"]);
    expect(source.podOf("0")).toMatchObject({ node: undefined, addresses: [], revision: undefined });
    expect(source.podOf("1")).toMatchObject({
      ...{ addresses: ["10.0.0.1"], ports: { http: 3_000, metrics: 9_090, sidecar: 4_000 } },
    });
    expect(source.podOf("1")?.ports).not.toHaveProperty("migration");
  });

  it("are told when they begin to terminate, and go when they are gone", async () => {
    const { pods, says } = await startWith("accounts-0", "accounts-1");
    const deletionTimestamp = "2026-01-01T00:00:00Z";
    pods.event("MODIFIED", podObject("accounts-1", 2, { metadata: { deletionTimestamp } }));
    await says("terminating", [false, true]);
    await says("ready", [true, true]);
    pods.event("DELETED", podObject("accounts-1", 3, { metadata: { deletionTimestamp } }));
    await says("terminating", [false]);
  });
});

describe("who watches the pods of a StatefulSet", () => {
  it("is told once of changes that come at once, and of none that changes nothing", async () => {
    const { api, source, pods, changed } = await startWith("accounts-0", "accounts-1");
    const before = source.pods();
    let told = 0;
    source.watch(() => told++);
    let left = 0;
    source.watch(() => left++)();
    pods.event("MODIFIED", podObject("accounts-0", 2, { metadata: { annotations: { note: "other" } } }));
    pods.end();
    const watch = await api.nextWatch("/pods");
    expect(watch.query.resourceVersion).toBe("2");
    expect(told).toBe(0);
    const next = changed();
    const line = (object: object) => `${JSON.stringify({ type: "MODIFIED", object })}\n`;
    watch.raw(
      line(podObject("accounts-0", 3, { ready: false })) + line(podObject("accounts-1", 4, { ready: false })),
    );
    await next;
    expect(source.pods().map(({ ready }) => ready)).toEqual([false, false]);
    expect([told, left]).toEqual([1, 0]);
    expect(before.map(({ ready }) => ready)).toEqual([true, true]);
  });

  it("is not told of what has come already when it is closed", async () => {
    const { api, source, pods } = await startWith("accounts-0");
    let told = 0;
    source.watch(() => told++);
    const inItsTurn = globalThis.setImmediate;
    const spy = vi.spyOn(globalThis, "setImmediate").mockImplementation((step: () => void) => {
      queueMicrotask(() => source.close());
      return inItsTurn(step);
    });
    onTestFinished(() => spy.mockRestore());
    pods.event("DELETED", podObject("accounts-0", 2));
    await pods.gone;
    await expect.poll(() => api.connections).toBe(0);
    expect(told).toBe(0);
  });

  it("has the same objects for pods that did not change", async () => {
    const { source, pods, changed } = await startWith("accounts-0", "accounts-1");
    const [zero, one] = source.pods();
    const next = changed();
    pods.event("MODIFIED", podObject("accounts-0", 2));
    pods.event("MODIFIED", podObject("accounts-1", 3, { ready: false }));
    await next;
    expect(source.podOf("0")).toBe(zero);
    expect(source.podOf("1")).not.toBe(one);
  });
});

describe("what is known of the pods", () => {
  it("stays while the API is away, and is put right when it is back", async () => {
    const { api, source, warnings, says } = await startWith("accounts-0", "accounts-1");
    await api.down();
    await expect.poll(() => warnings().length, { timeout: 10_000 }).toBeGreaterThan(0);
    expect(source.pods().map(({ pod }) => pod)).toEqual(["accounts-0", "accounts-1"]);
    await api.up();
    (await api.nextList("/pods")).list("9", podObject("accounts-1", 9, { uid: "new" }));
    await says("uid", ["new"]);
  });

  it("stays when the StatefulSet is deleted, whose pods are followed on (C10)", async () => {
    const { sets, pods, says, warnings } = await startWith("accounts-0", "accounts-1");
    sets.event("DELETED", statefulSetObject(2));
    await expect.poll(warnings).toEqual(["no such StatefulSet; pods are those that were its own"]);
    await says("pod", ["accounts-0", "accounts-1"]);
    pods.event("DELETED", podObject("accounts-0", 3));
    await says("pod", ["accounts-1"]);
  });

  it("stays while the next StatefulSet's pods are read, which other labels find", async () => {
    const { api, sets, pods, slices, says, source } = await startWith("accounts-0", "accounts-1");
    const selector = { matchLabels: { app: "next" } };
    sets.event("ADDED", statefulSetObject(2, { selector, serviceName: "next" }));
    await Promise.all([pods.gone, slices.gone]);
    const list = await api.nextList("/pods");
    expect(list.query).toMatchObject({ labelSelector: "app=next" });
    await says("pod", ["accounts-0", "accounts-1"]);
    expect(source.silentMs).toBeUndefined();
    list.list("3", podObject("accounts-2", 3));
    await says("pod", ["accounts-2"]);
    const next = await api.nextList("/endpointslices");
    expect(next.query).toMatchObject({ labelSelector: "kubernetes.io/service-name=next" });
    next.list("3", sliceObject("n", 3, { pod: "accounts-2" }));
    await says("dnsName", ["accounts-2.next.bank.svc.cluster.local"]);
    expect(source.silentMs).toBeDefined();
    sets.event("MODIFIED", statefulSetObject(4, { selector, serviceName: undefined }));
    await says("dnsName", [undefined]);
  });

  it("is nothing where there is no such StatefulSet", async () => {
    const { api, source, warnings } = await start();
    (await api.nextList("/statefulsets")).list("1");
    await api.nextWatch("/statefulsets");
    expect(warnings()).toHaveLength(1);
    expect(source.pods()).toEqual([]);
    expect(source.silentMs).toBeUndefined();
    expect(api.left).toBe(0);
  });

  it("says how old it is when all of it was read, by what was silent for longest", async () => {
    const { api, source, says } = await startWithSet();
    expect(source.silentMs).toBeUndefined();
    (await api.nextList("/endpointslices")).list("1", sliceObject("s", 1, { pod: "accounts-0" }));
    (await api.nextList("/pods")).page("1", "next", podObject("accounts-0", 1));
    const rest = await api.nextList("/pods");
    // Of a list the first page alone is not all of it.
    expect(source.silentMs).toBeUndefined();
    rest.list("1");
    await says("dnsName", [expect.any(String)]);
    expect(source.silentMs).toBeDefined();
    const watch = await api.nextWatch("/endpointslices");
    const sent = performance.now();
    // The others were heard before it, and are not heard again.
    watch.event("MODIFIED", sliceObject("s", 2));
    await says("dnsName", [undefined]);
    expect(source.silentMs).toBeGreaterThan(performance.now() - sent);
  });

  it("stays, and nothing more is asked or told, when it is closed", async () => {
    const { api, source, sets, pods, slices, warnings } = await startWith("accounts-0");
    let told = 0;
    source.watch(() => told++);
    pods.event("MODIFIED", podObject("accounts-0", 2, { ready: false }));
    source.close();
    await Promise.all([sets.gone, pods.gone, slices.gone]);
    await expect.poll(() => api.connections).toBe(0);
    expect(source.pods().map(({ pod }) => pod)).toEqual(["accounts-0"]);
    expect([told, api.left, warnings().length]).toEqual([0, 0, 0]);
  });
});
