import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { isShardcastError } from "@shardcast/protocol";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Cluster, type ClusterOptions } from "../src/cluster.ts";
import { FakeApi } from "./support/fake-api.ts";

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), "shardcast-cluster-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

/** A pod's files below a folder. */
function pod(namespace: string): string {
  const root = folder();
  const files = join(root, "var/run/secrets/kubernetes.io/serviceaccount");
  mkdirSync(files, { recursive: true });
  writeFileSync(join(files, "token"), "a-token");
  writeFileSync(join(files, "namespace"), namespace);
  return root;
}

/** A home with a kubeconfig. */
function home(text: string): string {
  const dir = folder();
  mkdirSync(join(dir, ".kube"));
  writeFileSync(join(dir, ".kube/config"), text);
  return dir;
}

function kubeconfig(context: object): string {
  return JSON.stringify({
    clusters: [{ name: "c", cluster: { server: "https://192.0.2.1:6443" } }],
    users: [{ name: "u", user: {} }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u", ...context } }],
    "current-context": "x",
  });
}

function faultOf(options: ClusterOptions): string {
  try {
    new Cluster(options);
  } catch (error) {
    if (isShardcastError(error) && error.code === "SHARDCAST_INVALID_CONFIG") return error.message;
    throw error;
  }
  throw new Error("not refused");
}

describe("the way to the API", () => {
  it("is KUBECONFIG's, before the pod's, before the home's", async () => {
    vi.stubEnv("KUBERNETES_SERVICE_HOST", "192.0.2.2");
    vi.stubEnv("KUBERNETES_SERVICE_PORT", "443");
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const api = await FakeApi.start();
    const ofHome = { home: home(kubeconfig({ namespace: "of-home" })) };
    const inPod = { ...ofHome, root: pod("of-pod\n") };
    const env = { KUBECONFIG: api.kubeconfig("of-config") };
    const none = folder();
    expect(new Cluster({ ...inPod, env }).namespace).toBe("of-config");
    expect(new Cluster({ ...inPod, env: { KUBECONFIG: "" } }).namespace).toBe("of-pod");
    expect(new Cluster({ ...ofHome, root: none, env: {} }).namespace).toBe("of-home");
  });

  it("leads to the namespace default, as kubectl's does, where the context names none", () => {
    expect(new Cluster({ home: home(kubeconfig({})), root: folder(), env: {} }).namespace).toBe("default");
  });

  it("may be told by several files", async () => {
    const api = await FakeApi.start();
    const dir = folder();
    const more = join(dir, "more");
    writeFileSync(
      more,
      JSON.stringify({
        clusters: [{ name: "d", cluster: { server: "https://192.0.2.3" } }],
        users: [],
        contexts: [],
      }),
    );
    const cluster = new Cluster({ env: { KUBECONFIG: `${api.kubeconfig("first")}:${more}` } });
    expect(cluster.namespace).toBe("first");
  });

  it("asks with the token that a file has now, as kubeconfigs of pods and of other tools name one", async () => {
    const api = await FakeApi.start();
    const config = api.kubeconfig("bank");
    const tokenFile = join(dirname(config), "token");
    const text = JSON.parse(readFileSync(config, "utf8"));
    writeFileSync(
      config,
      JSON.stringify({ ...text, users: [{ name: text.users[0].name, user: { tokenFile: "token" } }] }),
    );
    writeFileSync(tokenFile, "a-token");
    const cluster = new Cluster({ env: { KUBECONFIG: config } });
    void cluster.get("/x", {}, new AbortController().signal).catch(() => {});
    const asked = await api.next();
    expect(asked.headers.authorization).toBe("Bearer a-token");
    asked.answer(200, {});
  });

  it.each([
    ["there is none", () => ({ env: {}, home: folder(), root: folder() }), "neither KUBECONFIG, nor"],
    ["the file is missing", () => ({ env: { KUBECONFIG: "/nowhere/config" } }), "/nowhere/config"],
    ["the file is no kubeconfig", () => ({ env: {}, root: folder(), home: home("- 1") }), "no way to"],
    [
      "there is no context",
      () => ({ env: {}, root: folder(), home: home('{"clusters":[],"users":[],"contexts":[]}') }),
      "names no API server",
    ],
    [
      "the server is no URL",
      () => ({ env: {}, root: folder(), home: home(kubeconfig({}).replace("https://", "")) }),
      "names no API server",
    ],
  ])("is refused by name when %s", (_, options, named) => {
    expect(faultOf(options())).toMatch(/^no way to the Kubernetes API: /);
    expect(faultOf(options())).toContain(named);
  });
});

describe("asking the API", () => {
  it("fails with the status and what was said of it, whoever said it", async () => {
    const api = await FakeApi.start();
    const cluster = api.cluster();
    const { signal } = new AbortController();
    const ask = async (status: number, body: object) => {
      const got = cluster.get("/x", {}, signal);
      (await api.next()).answer(status, body);
      return got;
    };
    await expect(ask(403, { message: "not you" })).rejects.toMatchObject({
      ...{ name: "ApiFault", status: 403, message: "the API server answered 403: not you" },
    });
    await expect(ask(502, ["bad gateway"])).rejects.toMatchObject({ status: 502, message: /bad gateway/ });
    await expect.poll(() => api.connections).toBe(0);
  });

  it("ends with the signal also while credentials are waited for", async () => {
    const api = await FakeApi.start();
    const lending = vi.spyOn(KubeConfig.prototype, "applySecurityAuthentication");
    onTestFinished(() => lending.mockRestore());
    lending.mockReturnValue(new Promise(() => {}));
    const closing = new AbortController();
    const got = api.cluster().get("/x", {}, closing.signal);
    closing.abort(new Error("over"));
    await expect(got).rejects.toThrow("over");
    await expect(api.cluster().get("/x", {}, closing.signal)).rejects.toThrow("over");
  });

  it("lets go of the connection with the answer", async () => {
    const api = await FakeApi.start();
    const got = api.cluster().get("/x", {}, new AbortController().signal);
    (await api.next()).answer(200, { a: 1 });
    let text = "";
    for await (const chunk of await got) text += chunk;
    expect(text).toBe('{"a":1}');
    await expect.poll(() => api.connections).toBe(0);
  });
});
