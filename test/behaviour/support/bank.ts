import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inject, onTestFinished } from "vitest";
import { type HttpClient, httpClient } from "../../e2e/support/http.ts";
import { runProgram } from "../../e2e/support/program.ts";
import { type Journal, journalAt } from "./journal.ts";

export const SERVICE = "accounts";
export const REPLICAS = 2;
const LANES = 4;

const GATEWAY = fileURLToPath(new URL("../../../services/gateway/src/main.ts", import.meta.url));

type Env = Readonly<Record<string, string>>;

/** What a replica is started with. */
export interface Place {
  readonly member: number;
  /** The variables of its member. */
  readonly env: Env;
  /** The variables of the ledger. */
  readonly ledgerEnv: Env;
}

/** One replica, whatever processes it consists of. */
export interface Replica {
  /** Of the process that books. */
  readonly pid: number;
  /** All of it, at once: its node is gone. */
  kill(): Promise<void>;
  /** In order, as Kubernetes does; rejects when it does not end well. */
  stop(): Promise<void>;
}

/** Resolves when the replica has its lanes. */
export type StartReplica = (place: Place) => Promise<Replica>;

/** A gateway and the replicas of a ledger on a real broker, each in processes of its own. */
export interface Bank {
  readonly http: HttpClient;
  readonly replicas: Replica[];
  readonly journal: Journal;
  path(key: string, handler: string): string;
  /** Starts one again that has ended. */
  start(member: number): Promise<void>;
  /** Puts an account under audit: nothing is booked, and who asks is to come again after a second. Returns what ends it. */
  audit(key: string): () => void;
}

export async function openBank(start: StartReplica, env: Env = {}): Promise<Bank> {
  const dir = mkdtempSync(join(tmpdir(), "shardcast-bank-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const [ledgerDir, journalFile] = [join(dir, "ledger"), join(dir, "journal.jsonl")];
  mkdirSync(ledgerDir);
  const common = {
    SHARDCAST_KAFKA_BROKERS: inject("kafkaBrokers").join(","),
    SHARDCAST_TOPIC_PREFIX: `bank-${randomUUID()}.`,
  };
  const startMember = (member: number) =>
    start({
      member,
      env: {
        ...common,
        SHARDCAST_SERVICE: SERVICE,
        SHARDCAST_MEMBER: `${SERVICE}-${member}`,
        SHARDCAST_REPLICAS: String(REPLICAS),
        SHARDCAST_LANES: String(LANES),
        ...env,
      },
      ledgerEnv: { LEDGER_DIR: ledgerDir, LEDGER_JOURNAL: journalFile, LEDGER_WORK_MS: "5" },
    });
  const gateway = runProgram("gateway", [GATEWAY], {
    ...common,
    SHARDCAST_HOST: "127.0.0.1",
    SHARDCAST_PORT: "0",
    SHARDCAST_SERVICES: `${SERVICE}=${LANES}/${REPLICAS}`,
    // Replicas come back here: on a slow machine, one that takes its time would find its lanes given to others.
    SHARDCAST_REASSIGN_AFTER_MS: "60000",
  });
  const [replicas] = await Promise.all([
    Promise.all(Array.from({ length: REPLICAS }, (_, member) => startMember(member))),
    gateway.said("ready"),
  ]);
  const origin = gateway.lines.map(({ msg }) => /http:\/\/[^\s]+/.exec(msg)?.[0]).find(Boolean);
  const http = httpClient(origin ?? "");
  onTestFinished(() => http.close());

  return {
    http,
    replicas,
    journal: journalAt(journalFile),
    path: (key, handler) => `/v1/${SERVICE}/keys/${encodeURIComponent(key)}/${handler}`,
    async start(member) {
      replicas[member] = await startMember(member);
    },
    audit(key) {
      const file = join(ledgerDir, `${encodeURIComponent(key)}.audit`);
      writeFileSync(file, "");
      return () => rmSync(file);
    },
  };
}
