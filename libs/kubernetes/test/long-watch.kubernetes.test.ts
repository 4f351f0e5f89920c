import { controlPlaneBinary, kwokBinary, startControlPlane, startKwok } from "@shardcast/infra-kubernetes";
import { describe, expect, it, onTestFinished } from "vitest";
import { Cluster } from "../src/cluster.ts";
import type { MemberPod } from "../src/member-view.ts";
import { StatefulSetPods } from "../src/stateful-set-pods.ts";
import { apiView } from "./support/api-view.ts";
import { heapUsed } from "./support/heap.ts";
import { recordingLogger } from "./support/logger.ts";
import { Namespace } from "./support/real-cluster.ts";

/** More than a page of a list. */
const PODS = 286;
const WAVES = 7;
const poll = { timeout: 240_000, interval: 250 };
/** All that was ever seen of 2,000 pods would be more, trimmed as it is. */
const MAX_GROWTH_BYTES = 1_500_000;

describe("a long watch", () => {
  it("ends, after 2,000 pods were made and deleted, with what the API itself says, and with no more memory than after the first", async ({
    skip,
  }) => {
    const [binary, kwok] = [controlPlaneBinary(), kwokBinary()];
    if (binary === undefined || kwok === undefined) {
      console.warn(
        "NOT RUN: the long watch of 2,000 pods. It needs bin/ctlplane, bin/kwok and its stages in CTLPLANE_DIR.",
      );
      return skip(
        "no kwok: CTLPLANE_DIR has no bin/ctlplane with bin/kwok and bin/stages-fast.yaml beside it",
      );
    }
    // Who plays the kubelets may be late on a busy machine, and would not make ready again what the node controller has not.
    const plane = await startControlPlane(binary, { nodeMonitorGraceMs: 900_000 });
    onTestFinished(() => plane.stop(), 60_000);
    const kubelets = await startKwok(kwok, plane.kubeconfig);
    onTestFinished(() => kubelets.stop(), 60_000);
    const namespace = await Namespace.create(plane.kubeconfig);
    const nodeName = await namespace.createNode();
    await namespace.createService("accounts");
    await namespace.createStatefulSet("accounts", 0, { podManagementPolicy: "Parallel" }, { nodeName });
    const { logger, warnings } = recordingLogger();
    const follow = () => {
      const cluster = new Cluster({ env: { KUBECONFIG: plane.kubeconfig } });
      const source = new StatefulSetPods({ cluster, namespace: namespace.name, name: "accounts", logger });
      onTestFinished(() => source.close());
      return source;
    };
    const source = follow();
    /** How many there are, of whom ready, in DNS, and known from before. */
    const counts = (before: ReadonlySet<string>) => {
      const pods = source.pods();
      const count = (is: (pod: MemberPod) => boolean) => pods.filter(is).length;
      return {
        ...{ pods: pods.length, ready: count(({ ready }) => ready) },
        named: count(({ dnsName }) => dnsName !== undefined),
        again: count(({ uid }) => before.has(uid)),
      };
    };
    const sameAsTheApi = async (start: number) => {
      await expect
        .poll(async () => source.pods().length === (await namespace.pods()).length, poll)
        .toBe(true);
      expect(source.pods()).toEqual(await apiView(namespace, start));
    };
    let made = 0;
    let before = new Set<string>();
    const heap: number[] = [];
    for (let wave = 0; wave < WAVES; wave++) {
      // Names that were never used: kwok ends pods more than once, and by name, and so would end their successors for ever.
      const start = wave * PODS;
      await namespace.patchStatefulSet("accounts", { replicas: PODS, ordinals: { start } });
      const everyone = { pods: PODS, ready: PODS, named: PODS, again: 0 };
      await expect.poll(() => counts(before), poll).toEqual(everyone);
      await sameAsTheApi(start);
      before = new Set(source.pods().map(({ uid }) => uid));
      made += before.size;
      heap.push(await heapUsed());
      if (wave === WAVES - 1) break;
      await namespace.scale("accounts", 0);
      await expect.poll(() => source.pods().length, poll).toBe(0);
    }
    expect(made).toBeGreaterThanOrEqual(2_000);
    const late = follow();
    await expect.poll(() => late.pods(), poll).toEqual(source.pods());
    late.close();
    await namespace.scale("accounts", 0);
    await expect.poll(() => source.pods().length, poll).toBe(0);
    await expect.poll(() => namespace.pods(), poll).toEqual([]);
    console.log(
      `heap after each wave of ${PODS} pods, kB: ${heap.map((bytes) => Math.round(bytes / 1_000)).join(" ")}`,
    );
    const [first = 0] = heap;
    expect(heap.at(-1)).toBeLessThan(first + MAX_GROWTH_BYTES);
    expect(warnings()).toEqual([]);
  }, 900_000);
});
