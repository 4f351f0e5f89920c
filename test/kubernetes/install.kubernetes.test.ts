import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { acquireTestBroker } from "@shardcast/infra-kafka";
import { controlPlaneBinary, hasPodNetwork, startTestbed, type Testbed } from "@shardcast/infra-kubernetes";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHART, findHelm } from "../../k8s/render.ts";

const helm = findHelm();
const isPossible = helm !== undefined && controlPlaneBinary() !== undefined && (await hasPodNetwork());
if (!isPossible)
  console.warn(
    "THE CHART IS NOT INSTALLED FOR THE TESTS: it takes helm, CTLPLANE_DIR with bin/ctlplane, and a pod network (Linux, root).",
  );

const NAMESPACE = "bank";
/** Ten characters, and nobody else's in the log. */
const PREFIX = `install-${process.pid}.`;
const LIMIT_MS = 240_000;
const root = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const NODE = [process.execPath, "--disable-warning=TimeoutNegativeWarning", "--conditions=@shardcast/source"];
const image = (service: string) => ({ command: [...NODE, root(`services/${service}/src/main.ts`)] });

/** What it takes to be processes: they share the ports of the machine, and there is no DNS. */
const VALUES = {
  networkPolicy: { enabled: false },
  gateway: {
    ...{ host: "$(POD_IP)", replicas: 2, autoscaling: { enabled: false }, preStopSeconds: 1 },
    proxy: { services: ["accounts"] },
  },
  workers: { host: "$(POD_IP)", data: { kind: "shared" }, externallyScaled: true },
  shared: { reassignAfterMs: 5_000 },
  notify: {
    gatewayUrl: "http://$(SHARDCAST_GATEWAY_SERVICE_HOST):8080",
    cronJob: { enabled: true, data: { configMap: "rates", key: "rates.json" } },
    job: { enabled: true },
  },
};
const RATES = { tiers: [{ fromCents: 0, percent: 1.5 }] };

interface Located {
  readonly lane: number;
  readonly member: string;
  readonly pod: string;
  readonly url: string;
  readonly ready: boolean;
  readonly address: string;
  readonly dnsName: string;
}

describe.skipIf(!isPossible)("the chart, installed where pods are processes", () => {
  let testbed: Testbed;
  let gateway: string;
  const undo: (() => Promise<unknown>)[] = [];
  const kubectl = (...args: string[]) => testbed.kubectl("--namespace", NAMESPACE, ...args);

  /** Or fails with how the pods stand and what they say. */
  async function rolledOut(what: string): Promise<void> {
    try {
      await kubectl("rollout", "status", what, "--timeout=120s");
    } catch (cause) {
      const names = (await kubectl("get", "pods", "--output=name")).trim().split("\n");
      const said = await Promise.all(names.map((name) => testbed.logs(NAMESPACE, name.slice("pod/".length))));
      const tails = said.map((text, i) => `${names[i]}:\n${text.slice(-1_500)}`);
      throw new Error([await kubectl("describe", "pods"), ...tails].join("\n\n"), { cause });
    }
  }

  beforeAll(async () => {
    const broker = await acquireTestBroker();
    undo.push(() => broker.stop());
    testbed = await startTestbed({
      images: {
        "shardcast/gateway": image("gateway"),
        "shardcast/accounts": image("accounts"),
        "shardcast/cli": image("cli"),
      },
    });
    undo.push(() => testbed.stop());
    await testbed.kubectl("create", "namespace", NAMESPACE);
    await testbed.apply(
      [
        {
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { name: "rates" },
          data: { "rates.json": JSON.stringify(RATES) },
        },
      ],
      NAMESPACE,
    );
    const folder = mkdtempSync(join(tmpdir(), "shardcast-install-"));
    undo.push(async () => rmSync(folder, { recursive: true }));
    const values = join(folder, "values.json");
    writeFileSync(
      values,
      JSON.stringify({ ...VALUES, kafka: { brokers: broker.brokers, topicPrefix: PREFIX } }),
    );
    await promisify(execFile)(helm as string, [
      ...["install", "shardcast", CHART, "--namespace", NAMESPACE, "--values", values],
      ...["--kubeconfig", testbed.kubeconfig],
    ]);
    await kubectl("scale", "statefulset/shardcast-accounts", "--replicas=3");
    await rolledOut("deployment/shardcast-gateway");
    await rolledOut("statefulset/shardcast-accounts");
    const ip = await kubectl("get", "service/shardcast-gateway", "--output=jsonpath={.spec.clusterIP}");
    gateway = `http://${ip}:8080`;
    return undefined;
  }, LIMIT_MS);

  afterAll(async () => {
    for (const step of undo.reverse()) await step();
  }, LIMIT_MS);

  async function ask(path: string, init: RequestInit = {}) {
    const answer = await fetch(`${gateway}${path}`, { signal: AbortSignal.timeout(30_000), ...init });
    return { status: answer.status, body: JSON.parse(await answer.text()) };
  }

  const deposit = (account: string, cents: number) =>
    ask(`/v1/accounts/keys/${account}/deposit`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ cents }),
    });

  const locate = async (account: string): Promise<Located> =>
    (await ask(`/v1/accounts/keys/${account}`)).body as Located;

  /** What the pods of a Job have said, when it has completed. */
  async function completed(job: string): Promise<string> {
    const { promise: said, resolve, reject } = Promise.withResolvers<string>();
    const saying = async () => {
      const names = await kubectl("get", "pods", `--selector=job-name=${job}`, "--output=name");
      const pods = names
        .trim()
        .split("\n")
        .map((name) => name.slice("pod/".length));
      return (await Promise.all(pods.map((pod) => testbed.logs(NAMESPACE, pod)))).join("\n");
    };
    const wait = (condition: string) =>
      kubectl("wait", `--for=condition=${condition}`, `job/${job}`, "--timeout=120s");
    const fail = async (why: unknown) => reject(new Error(`${job}: ${why}: ${await saying()}`));
    wait("Complete").then(async () => resolve(await saying()), fail);
    wait("Failed").then(
      () => fail("has failed"),
      () => {},
    );
    return said;
  }

  test("a request through the gateways' Service is answered by the pod that the directory names", async () => {
    const { status, body } = await deposit("alice", 100);
    expect(status).toBe(200);
    const located = await locate("alice");
    expect(located).toMatchObject({
      pod: `shardcast-accounts-${body.handledBy.member}`,
      ready: true,
      url: `http://${located.address}:8081`,
      dnsName: `${located.pod}.shardcast-accounts.${NAMESPACE}.svc.cluster.local`,
    });
  });

  test("whoever asks the directory can go to the owner, and so does the direct proxy; another replica says that it is not the one", async () => {
    await deposit("bob", 70);
    const { url, pod } = await locate("bob");
    const direct = await fetch(`${url}/accounts/bob`);
    expect(await direct.json()).toMatchObject({ balance: 70 });
    expect(await ask("/v1/accounts/proxy/bob/accounts/bob")).toMatchObject({
      status: 200,
      body: { balance: 70 },
    });
    const { members } = (await ask("/v1/accounts/shards")).body as { members: Located[] };
    const other = members.find((each) => each.pod !== pod);
    const refused = await fetch(`${other?.url}/accounts/bob`);
    expect(refused.status).toBe(421);
  });

  test(
    "the Job of the release has notified every replica, and a run of the CronJob does it again",
    async () => {
      await completed("shardcast-accounts-notify-1");
      await kubectl("create", "job", "now", "--from=cronjob/shardcast-accounts-notify");
      const said = await completed("now");
      for (const member of [0, 1, 2]) expect(said).toMatch(new RegExp(`^.*\\b${member}\\b.*ack`, "m"));
      const { body } = await ask("/v1/accounts/keys/carol/balance", { method: "POST" });
      expect(body).toMatchObject({ interestPercent: 1.5 });
    },
    LIMIT_MS,
  );

  test(
    "a pod that is renewed leaves nothing undone: every request under way during a roll-out is answered",
    async () => {
      const rolled = kubectl("rollout", "restart", "statefulset/shardcast-accounts").then(() =>
        kubectl("rollout", "status", "statefulset/shardcast-accounts", "--timeout=120s"),
      );
      let over = false;
      void rolled.finally(() => {
        over = true;
      });
      let sent = 0;
      const statuses = new Map<number, number>();
      const caller = async (account: string) => {
        while (!over) {
          sent++;
          const { status } = await deposit(account, 1);
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
        return (await ask(`/v1/accounts/keys/${account}/balance`, { method: "POST" })).body.balance as number;
      };
      const balances = await Promise.all(Array.from({ length: 12 }, (_, i) => caller(`roller-${i}`)));
      await rolled;
      expect(statuses).toEqual(new Map([[200, sent]]));
      expect(balances.reduce((sum, each) => sum + each, 0)).toBe(sent);
    },
    LIMIT_MS,
  );

  test("scaled down, the highest replicas' lanes are the others' and nobody is left behind", async () => {
    await kubectl("scale", "statefulset/shardcast-accounts", "--replicas=2");
    await expect
      .poll(
        async () => {
          const { lanes } = (await ask("/v1/accounts/shards")).body as {
            lanes: { state: string; member: string }[];
          };
          return new Set(lanes.map(({ state, member }) => (state === "owned" ? member : state)));
        },
        { timeout: 60_000 },
      )
      .toEqual(new Set(["0", "1"]));
    expect((await deposit("alice", 1)).body).toMatchObject({ balance: 101 });
  });
});
