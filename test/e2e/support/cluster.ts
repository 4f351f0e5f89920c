import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { topicsOf } from "@shardcast/protocol";
import { onTestFinished } from "vitest";
import { type HttpClient, httpClient } from "./http.ts";
import { type Program, runProgram } from "./program.ts";

export const SERVICE = "accounts";
export const LANES = 3;

const GATEWAY = fileURLToPath(new URL("../../../services/gateway/src/main.ts", import.meta.url));
const ACCOUNTS = fileURLToPath(new URL("../../../services/accounts/src/main.ts", import.meta.url));
const TEST_WORKER = fileURLToPath(new URL("./worker.ts", import.meta.url));

type Env = Readonly<Record<string, string>>;

export interface ClusterOptions {
  readonly brokers: readonly string[];
  /** Which program the workers run. Default: the tests' own, with its handlers. */
  readonly program?: "accounts" | "test-worker";
  /** Default 1. */
  readonly gateways?: number;
  /** More variables for every process. */
  readonly env?: Env;
}

/** A gateway and three workers on a real broker, each a process; topics and group are this test's alone. */
export interface Cluster {
  /** The consumer group that Kafka's tools know the service by. */
  readonly group: string;
  readonly topics: ReturnType<typeof topicsOf>;
  /** The first of the gateways, and who calls it. */
  readonly gateway: Program;
  /** One a lane. */
  readonly workers: Program[];
  readonly http: HttpClient;
  readonly gateways: readonly { readonly program: Program; readonly http: HttpClient }[];
  readonly effectsFile: string;
  readonly ledgerDir: string;
  /** Path of a request for a key. */
  path(key: string, handler: string): string;
  /** Starts the worker of a lane again; resolves when it owns it. */
  startWorker(member: number): Promise<Program>;
  /** Starts a gateway that has ended again; resolves when it is ready. */
  startGateway(index: number): Promise<void>;
}

export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { brokers, program = "test-worker", gateways: gatewayCount = 1, env = {} } = options;
  const topicPrefix = `e2e-${randomUUID()}.`;
  const dir = mkdtempSync(join(tmpdir(), "shardcast-e2e-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const effectsFile = join(dir, "effects.jsonl");
  const ledgerDir = join(dir, "ledger");
  const common = { SHARDCAST_KAFKA_BROKERS: brokers.join(","), SHARDCAST_TOPIC_PREFIX: topicPrefix, ...env };

  function spawnWorker(member: number): Program {
    return runProgram(
      `worker ${member}`,
      program === "accounts" ? [ACCOUNTS] : [TEST_WORKER, effectsFile, ledgerDir],
      {
        ...common,
        SHARDCAST_SERVICE: SERVICE,
        SHARDCAST_MEMBER: `${SERVICE}-${member}`,
        SHARDCAST_REPLICAS: String(LANES),
        ACCOUNTS_DIR: ledgerDir,
        ACCOUNTS_EFFECTS_FILE: effectsFile,
      },
    );
  }

  async function startGateway(index: number): Promise<{ program: Program; http: HttpClient }> {
    const program = runProgram(`gateway ${index}`, [GATEWAY], {
      ...common,
      SHARDCAST_HOST: "127.0.0.1",
      SHARDCAST_PORT: "0",
      SHARDCAST_SERVICES: `${SERVICE}=${LANES}`,
    });
    await program.said("ready");
    const http = httpClient(originOf(program));
    onTestFinished(() => http.close());
    return { program, http };
  }

  const workers = Array.from({ length: LANES }, (_, member) => spawnWorker(member));
  const [gateways] = await Promise.all([
    Promise.all(Array.from({ length: gatewayCount }, (_, index) => startGateway(index))),
    ...workers.map((worker) => worker.said("owning lanes")),
  ]);
  const [first] = gateways;
  if (first === undefined) throw new RangeError("a cluster has at least one gateway");

  return {
    group: `${topicPrefix}${SERVICE}`,
    topics: topicsOf(SERVICE, { lanes: LANES, prefix: topicPrefix }),
    gateway: first.program,
    workers,
    http: first.http,
    gateways,
    effectsFile,
    ledgerDir,
    path: (key, handler) => `/v1/${SERVICE}/keys/${encodeURIComponent(key)}/${handler}`,
    async startWorker(member) {
      const worker = spawnWorker(member);
      workers[member] = worker;
      await worker.said("owning lanes");
      return worker;
    },
    async startGateway(index) {
      gateways[index] = await startGateway(index);
    },
  };
}

function originOf({ lines }: Program): string {
  const found = lines.map(({ msg }) => /http:\/\/[^\s]+/.exec(msg)?.[0]).find((url) => url !== undefined);
  if (found === undefined) throw new Error("the gateway did not say where it listens");
  return found;
}
