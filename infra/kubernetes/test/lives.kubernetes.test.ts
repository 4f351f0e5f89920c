import { describe, expect, it } from "vitest";
import { ask, eventually, podOf, ready } from "./support/asking.ts";
import { needsTestbed } from "./support/needs-testbed.ts";
import { app, pod, script } from "./support/objects.ts";

const testbed = needsTestbed();
const poll = { timeout: 60_000, interval: 100 };
const MAIN = { periodSeconds: 1, failureThreshold: 1 };

describe("the life of a pod that is a process", () => {
  it("a deletion runs preStop, then SIGTERM comes, and the pod is gone as soon as it has ended", async () => {
    const bed = testbed();
    const preStop = { httpGet: { path: "/stopping", port: "http" } };
    await bed.apply([pod("polite", { containers: [app({ lifecycle: { preStop } })] })]);
    await ready(bed, "polite");
    await bed.kubectl("delete", "pod", "polite", "--grace-period=60", "--timeout=30s");
    const said = (await bed.logs("default", "polite")).trim().split("\n").slice(1);
    expect(said).toEqual(["preStop", "SIGTERM"]);
  });

  it("a process that ignores SIGTERM is killed when its grace is over, not before, with its children", async () => {
    const bed = testbed();
    const text = 'trap "echo term" TERM; sleep 4711 & echo child $!; while :; do sleep 0.1; done';
    await bed.apply([pod("stubborn", { containers: [script(text)] })]);
    await eventually(bed, "stubborn", { status: { phase: "Running" } });
    await expect.poll(() => bed.logs("default", "stubborn"), poll).toContain("child");
    const begun = Date.now();
    await bed.kubectl("delete", "pod", "stubborn", "--grace-period=3");
    expect(Date.now() - begun).toBeGreaterThanOrEqual(2_000);
    const said = await bed.logs("default", "stubborn");
    expect(said).toContain("term");
    const child = Number(/child (\d+)/.exec(said)?.[1]);
    await expect.poll(() => isAlive(child), poll).toBe(false);
  });

  it("what a process leaves behind ends with it", async () => {
    const bed = testbed();
    const spec = { restartPolicy: "Never", containers: [script("sleep 4711 & echo child $!")] };
    await bed.apply([pod("parent", spec)]);
    await eventually(bed, "parent", { status: { phase: "Succeeded" } });
    const child = Number(/child (\d+)/.exec(await bed.logs("default", "parent"))?.[1]);
    await expect.poll(() => isAlive(child), poll).toBe(false);
  });

  it("a forced deletion kills at once", async () => {
    const bed = testbed();
    await bed.apply([pod("forced", { containers: [app({ env: [{ name: "STUBBORN", value: "1" }] })] })]);
    const { status } = await ready(bed, "forced");
    const { pid } = await ask<{ pid: number }>(`${status?.podIP}:8080`, "/env");
    await bed.kubectl("delete", "pod", "forced", "--force", "--grace-period=0");
    await expect.poll(() => isAlive(pid), { timeout: 5_000, interval: 20 }).toBe(false);
  });

  it("a crash is a restart with its exit code in lastState, and many of them a CrashLoopBackOff", async () => {
    const bed = testbed();
    await bed.apply([
      pod("crash", { containers: [app()] }),
      pod("loop", { containers: [script("kill -9 $$$$")] }),
    ]);
    const { status } = await ready(bed, "crash");
    await ask(`${status?.podIP}:8080`, "/exit?code=7");
    const again = await eventually(bed, "crash", {
      status: { containerStatuses: [{ restartCount: 1, ready: true }] },
    });
    expect(again.status).toMatchObject({
      ...{ phase: "Running", podIP: status?.podIP },
      containerStatuses: [{ lastState: { terminated: { exitCode: 7, reason: "Error" } } }],
    });
    const waiting = { reason: "CrashLoopBackOff" };
    const terminated = { exitCode: 137, signal: 9 };
    const loop = await eventually(bed, "loop", {
      status: { phase: "Running", containerStatuses: [{ state: { waiting }, lastState: { terminated } }] },
    });
    expect(loop.status?.containerStatuses?.[0]?.ready).toBe(false);
  });

  it("what can not start says why: an image that is none, a ConfigMap that is not there yet", async () => {
    const bed = testbed();
    const env = [{ name: "LATE", valueFrom: { configMapKeyRef: { name: "late", key: "x" } } }];
    await bed.apply([
      pod("nobody", { containers: [{ name: "x", image: "nobody:1" }] }),
      pod("early", { containers: [app({ env })] }),
    ]);
    const waitsFor = (reason: string) => ({
      status: { phase: "Pending", containerStatuses: [{ state: { waiting: { reason } } }] },
    });
    await eventually(bed, "nobody", waitsFor("ErrImageNeverPull"));
    await eventually(bed, "early", waitsFor("CreateContainerConfigError"));
    await bed.kubectl("create", "configmap", "late", "--from-literal=x=1");
    await ready(bed, "early");
  });

  it("readiness follows its probe both ways, a failed liveness probe restarts, a startup probe holds both back", async () => {
    const bed = testbed();
    const probe = (path: string) => ({ httpGet: { path, port: "http" }, ...MAIN });
    const container = app({
      startupProbe: { httpGet: { path: "/ready", port: 8080 }, periodSeconds: 1, failureThreshold: 30 },
      livenessProbe: probe("/live"),
      env: [{ name: "READY_AFTER_MS", value: "1500" }],
    });
    await bed.apply([pod("probed", { containers: [container], terminationGracePeriodSeconds: 2 })]);
    await eventually(bed, "probed", {
      status: { containerStatuses: [{ started: false, ready: false, state: { running: {} } }] },
    });
    const { status } = await ready(bed, "probed");
    const host = `${status?.podIP}:8080`;
    await ask(host, "/set?ready=false");
    await eventually(bed, "probed", { status: { containerStatuses: [{ ready: false, restartCount: 0 }] } });
    await ask(host, "/set?ready=true");
    await eventually(bed, "probed", { status: { containerStatuses: [{ ready: true, restartCount: 0 }] } });
    await ask(host, "/set?live=false&stubborn=true");
    const again = await eventually(bed, "probed", {
      status: { containerStatuses: [{ ready: true, restartCount: 1 }] },
    });
    const message = "liveness probe failed";
    expect(again.status?.containerStatuses?.[0]?.lastState.terminated).toMatchObject({
      exitCode: 137,
      message,
    });
  });

  it("init containers run one after another, a sidecar beside the others and until they have ended", async () => {
    const bed = testbed();
    const say = (name: string, text: string, more: object = {}) => script(text, { name, ...more });
    const volumeMounts = [{ name: "notes", mountPath: "/notes" }];
    const env = [{ name: "NOTES", value: "/notes/all" }];
    const both = { volumeMounts, env };
    await bed.apply([
      pod("ordered", {
        restartPolicy: "Never",
        volumes: [{ name: "notes", emptyDir: {} }],
        initContainers: [
          say("first", "sleep 0.3; echo first >> $NOTES", both),
          say(
            "side",
            'trap "cat $NOTES; echo side ends; exit 0" TERM; echo side >> $NOTES; while :; do sleep 0.1; done',
            {
              ...{ ...both, restartPolicy: "Always" },
              startupProbe: { exec: { command: ["grep", "-q", "side", "/notes/all"] }, periodSeconds: 1 },
            },
          ),
          say("second", "echo second >> $NOTES", both),
        ],
        containers: [say("main", "echo main >> $NOTES; sleep 0.3", both)],
      }),
    ]);
    await eventually(bed, "ordered", { status: { phase: "Succeeded" } });
    const said = await bed.logs("default", "ordered", "side");
    expect(said.trim().split("\n")).toEqual(["first", "side", "second", "main", "side ends"]);
  });

  it("an init container that fails for good fails the pod, and the others never run", async () => {
    const bed = testbed();
    const initContainers = [script("exit 5", { name: "init" })];
    await bed.apply([
      pod("stillborn", { restartPolicy: "Never", initContainers, containers: [script("echo no")] }),
    ]);
    const { status } = await eventually(bed, "stillborn", { status: { phase: "Failed" } });
    expect(status?.initContainerStatuses).toMatchObject([{ state: { terminated: { exitCode: 5 } } }]);
    expect(await bed.logs("default", "stillborn", "script")).toBe("");
  });

  it("activeDeadlineSeconds fails the pod", async () => {
    const bed = testbed();
    await bed.apply([pod("tardy", { activeDeadlineSeconds: 1, containers: [script("exec sleep 100")] })]);
    await eventually(bed, "tardy", { status: { phase: "Failed", reason: "DeadlineExceeded" } });
    expect((await podOf(bed, "tardy")).status?.containerStatuses?.[0]?.state.terminated?.exitCode).toBe(143);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
