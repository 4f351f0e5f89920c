import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { addressOf, ask, envOf, isReady, podsOf } from "./support/asking.ts";
import { needsTestbed } from "./support/needs-testbed.ts";
import { app, deployment, job, pod as podObject, script, service, statefulSet } from "./support/objects.ts";

const testbed = needsTestbed();
const poll = { timeout: 60_000, interval: 100 };

describe("workloads whose pods are processes", () => {
  it("a Deployment's pods become ready, each at an address of its own, and are all endpoints of its Service", async () => {
    const bed = testbed();
    await bed.apply([service("web"), deployment("web", 3, { containers: [app()] })]);
    await bed.kubectl("rollout", "status", "deployment/web", "--timeout=60s");
    const pods = await podsOf(bed, "web");
    expect(pods.map(isReady)).toEqual([true, true, true]);
    const addresses = pods.map(({ status }) => status?.podIP);
    expect(new Set(addresses).size).toBe(3);
    const endpoints = async () => {
      const path = "jsonpath={.items[*].endpoints[*].addresses[0]}";
      const query = ["-l", "kubernetes.io/service-name=web", "-o", path];
      return (await bed.kubectl("get", "endpointslices", ...query)).split(" ").sort();
    };
    await expect.poll(endpoints, poll).toEqual([...addresses].sort());
    const host = await addressOf(bed, "web");
    const seen = new Set<string | undefined>();
    // The service proxy hears of an endpoint a moment after the API does.
    const asked = async () => {
      const { env } = await ask<{ env: Record<string, string> }>(host, "/env");
      return seen.add(env.HOST);
    };
    await expect.poll(asked, poll).toEqual(new Set(addresses));
  });

  it("a StatefulSet is scaled up and down and restarted one after another, each waiting for the one before to be ready", async () => {
    const bed = testbed();
    const env = [{ name: "READY_AFTER_MS", value: "300" }];
    await bed.apply([
      service("db", { clusterIP: "None" }),
      statefulSet("db", 2, { containers: [app({ env })] }),
    ]);
    const settled = () => bed.kubectl("rollout", "status", "statefulset/db", "--timeout=60s");
    const names = async () => (await podsOf(bed, "db")).map(({ metadata }) => metadata.name);
    await settled();
    await bed.kubectl("scale", "statefulset/db", "--replicas=4");
    await expect.poll(async () => (await podsOf(bed, "db")).filter(isReady).length, poll).toBe(4);
    const startOf = (at: number) => async () =>
      Date.parse((await podsOf(bed, "db"))[at]?.status?.startTime ?? "");
    expect(await startOf(3)()).toBeGreaterThanOrEqual(await startOf(2)());
    await bed.kubectl("scale", "statefulset/db", "--replicas=3");
    await expect.poll(names, poll).toEqual(["db-0", "db-1", "db-2"]);
    const before = (await podsOf(bed, "db")).map(({ metadata }) => metadata.uid);
    await bed.kubectl("rollout", "restart", "statefulset/db");
    let unready = 0;
    const restarted = settled().then(() => true);
    for (let isOver = false; !isOver; ) {
      const pods = await podsOf(bed, "db");
      unready = Math.max(unready, 3 - pods.filter(isReady).length);
      isOver = await Promise.race([restarted, Promise.resolve(false)]);
    }
    expect(unready).toBe(1);
    const after = (await podsOf(bed, "db")).map(({ metadata }) => metadata.uid);
    expect(after.filter((uid) => before.includes(uid))).toEqual([]);
    for (const ordinal of [0, 1, 2]) expect(await bed.logs("default", `db-${ordinal}`)).toContain("SIGTERM");
  });

  it("a pod's environment comes from the downward API, ConfigMaps, Secrets and Services, in Kubernetes' order", async () => {
    const bed = testbed();
    const field = (fieldPath: string) => ({ valueFrom: { fieldRef: { fieldPath } } });
    const env = [
      { name: "NAME", ...field("metadata.name") },
      { name: "UID_", ...field("metadata.uid") },
      { name: "ORDINAL", ...field("metadata.labels['apps.kubernetes.io/pod-index']") },
      { name: "NODE", ...field("spec.nodeName") },
      { name: "IP", ...field("status.podIP") },
      { name: "CPUS", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
      { name: "COLOR", valueFrom: { configMapKeyRef: { name: "colors", key: "main" } } },
      { name: "PASSWORD", valueFrom: { secretKeyRef: { name: "login", key: "password" } } },
      { name: "URL", value: "http://$(ENVY_SERVICE_HOST):$(ENVY_SERVICE_PORT)/$(NAME)/$$(NAME)/$(NOBODY)" },
      { name: "FILE", value: "/etc/colors/main" },
    ];
    const envFrom = [{ configMapRef: { name: "colors" }, prefix: "C_" }];
    const resources = { limits: { cpu: "1500m" } };
    const volumeMounts = [{ name: "colors", mountPath: "/etc/colors" }];
    const args = ["--colors=/etc/colors/main", "$(NAME)"];
    const container = app({ env, envFrom, resources, volumeMounts, args });
    await bed.apply([
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "colors" }, data: { main: "blue" } },
      { apiVersion: "v1", kind: "Secret", metadata: { name: "login" }, stringData: { password: "s3cret" } },
      service("envy"),
      statefulSet("envy", 1, {
        containers: [container],
        volumes: [{ name: "colors", configMap: { name: "colors" } }],
      }),
    ]);
    await bed.kubectl("rollout", "status", "statefulset/envy", "--timeout=60s");
    const [one] = await podsOf(bed, "envy");
    if (one === undefined) throw new Error("no pod");
    const { metadata, spec, status } = one;
    const seen = await envOf(one);
    const host = await addressOf(bed, "envy");
    expect(seen).toMatchObject({
      ...{ NAME: "envy-0", UID_: metadata.uid, ORDINAL: "0", NODE: spec.nodeName, IP: status?.podIP },
      ...{ CPUS: "2", COLOR: "blue", PASSWORD: "s3cret", C_main: "blue", HOSTNAME: "envy-0" },
      ...{ URL: `http://${host}:80/envy-0/$(NAME)/$(NOBODY)`, ENVY_SERVICE_HOST: host },
    });
    expect(Object.keys(seen)).not.toContain("NODE_ENV");
    const { argv } = await ask<{ argv: string[] }>(`${status?.podIP}:8080`, "/env");
    expect(argv).toEqual([`--colors=${seen.FILE}`, "envy-0"]);
    expect(seen.FILE).not.toBe("/etc/colors/main");
  });

  it("a Job completes, one that fails is tried again, and its podFailurePolicy sees the exit code", async () => {
    const bed = testbed();
    const onExitCodes = { containerName: "script", operator: "In", values: [42] };
    const podFailurePolicy = { rules: [{ action: "FailJob", onExitCodes }] };
    const of = (text: string) => ({ containers: [script(text)] });
    await bed.apply([
      job("good", of("echo done")),
      job("bad", of("exit 3"), { backoffLimit: 0 }),
      job("hopeless", of("exit 42"), { backoffLimit: 5, podFailurePolicy }),
      job("again", {
        ...{ restartPolicy: "OnFailure", volumes: [{ name: "tmp", emptyDir: {} }] },
        containers: [
          script('[ -e "$MARK" ] || { touch "$MARK"; exit 1; }', {
            env: [{ name: "MARK", value: "/tmp/own/mark" }],
            volumeMounts: [{ name: "tmp", mountPath: "/tmp/own" }],
          }),
        ],
      }),
    ]);
    await bed.kubectl("wait", "--for=condition=Complete", "job/good", "job/again", "--timeout=60s");
    await bed.kubectl("wait", "--for=condition=Failed", "job/bad", "job/hopeless", "--timeout=60s");
    const [good] = await podsOf(bed, "good");
    expect(good?.status).toMatchObject({ phase: "Succeeded" });
    expect(await bed.logs("default", good?.metadata.name ?? "")).toBe("done\n");
    const [bad] = await podsOf(bed, "bad");
    expect(bad?.status).toMatchObject({
      phase: "Failed",
      containerStatuses: [{ state: { terminated: { exitCode: 3, reason: "Error" } } }],
    });
    const [again] = await podsOf(bed, "again");
    expect(again?.status?.containerStatuses?.[0]).toMatchObject({ restartCount: 1 });
    expect(await podsOf(bed, "hopeless")).toHaveLength(1);
    const why = "jsonpath={.status.conditions[?(@.type=='Failed')].reason}";
    expect(await bed.kubectl("get", "job", "hopeless", "-o", why)).toBe("PodFailurePolicy");
  });

  it("a CronJob's Job runs", async () => {
    const bed = testbed();
    const { spec } = job("tick", { containers: [script("echo tick")] }) as { spec: object };
    const metadata = { name: "tick" };
    const cron = { schedule: "0 0 1 1 *", jobTemplate: { spec } };
    await bed.apply([{ apiVersion: "batch/v1", kind: "CronJob", metadata, spec: cron }]);
    await bed.kubectl("create", "job", "tick-now", "--from=cronjob/tick");
    await bed.kubectl("wait", "--for=condition=Complete", "job/tick-now", "--timeout=60s");
    const [pod] = await podsOf(bed, "tick");
    expect(await bed.logs("default", pod?.metadata.name ?? "", "script")).toBe("tick\n");
  });

  it("a claim of a StatefulSet's pod is a directory that outlives the pod", async () => {
    const bed = testbed();
    const claim = {
      metadata: { name: "data" },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    };
    const container = script('echo life >> "$DATA/lives"; wc -l < "$DATA/lives"; exec sleep 1000', {
      env: [{ name: "DATA", value: "/data" }],
      volumeMounts: [{ name: "data", mountPath: "/data" }],
    });
    await bed.apply([statefulSet("disk", 1, { containers: [container] }, { volumeClaimTemplates: [claim] })]);
    const said = () => bed.logs("default", "disk-0");
    await expect.poll(said, poll).toBe("1\n");
    await bed.kubectl("delete", "pod", "disk-0");
    await expect.poll(said, poll).toBe("1\n2\n");
  });

  it("a volume that is mounted over where an image's program lies does not hide it: that is a path of this machine", async () => {
    const bed = testbed();
    const mountPath = fileURLToPath(new URL("support", import.meta.url));
    const container = app({ volumeMounts: [{ name: "over", mountPath }] });
    await bed.apply([
      podObject("covered", { containers: [container], volumes: [{ name: "over", emptyDir: {} }] }),
    ]);
    await bed.kubectl("wait", "--for=condition=Ready", "pod/covered", "--timeout=60s");
  });
});
