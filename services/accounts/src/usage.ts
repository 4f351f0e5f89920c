import { KAFKA_ENV } from "@shardcast/log-kafka";
import { WORKER_ENV } from "@shardcast/worker";
import { ACCOUNTS_ENV } from "./options.ts";

type Meanings<T> = Readonly<Record<keyof T, string>>;

/** What each variable is, in one line. Typed by the tables of variables, so none can be forgotten. */
const OURS: Meanings<typeof ACCOUNTS_ENV> = {
  dir: "folder of the accounts, shared by all replicas; required",
  host: "address to listen on, e.g. the pod's own (all)",
  healthPort: "port for GET /healthz, /readyz and /accounts/{key}, 0 for a free one (none)",
  effectsFile: "file to append a JSON line to for each deposit and withdrawal (none)",
  interestFile: "JSON file with the interest that replicas begin with; without one there is none (none)",
  logLevel: "fatal, error, warn, info, debug, trace or silent (info)",
};

const WORKERS: Meanings<typeof WORKER_ENV> = {
  service: "name of the service (accounts)",
  member: "this replica: an ordinal, or a pod name that ends in one (the hostname)",
  ordinalStart: "what the StatefulSet's ordinals begin at (0)",
  replicas: "number of replicas that the service begins with; required",
  topicPrefix: "put before every topic's name; the gateways' one (none)",
  concurrency: "handler calls of a lane at once, each for another account (64)",
  maxQueued: "requests of a lane held in memory (1000)",
  maxQueuedBytes: "the same in bytes (16000000)",
  maxAttempts: "handler calls for one request before it goes to the dead letters (5)",
  retryMinMs: "first wait between attempts (100)",
  retryMaxMs: "longest wait between attempts (10000)",
  commitIntervalMs: "how often progress is committed (500)",
  graceMs: "time to finish what runs after SIGTERM (10000)",
  lanes: "number of lanes; more than replicas leave room to scale (SHARDCAST_REPLICAS)",
  onExhausted: "then the key's later requests continue, or park behind it in the dead letters (continue)",
  delivery: "at-least-once, or exactly-once: replies are committed with the progress (at-least-once)",
  leaseMs: "handlers start within so long of a renewal; a crash is waited out as long (1500)",
  drainMs: "time to finish what runs on a lane that moves (10000)",
  hookTimeoutMs: "longest call of a lane hook (30000)",
  lostAfterMs: "without its lease for so long, running handlers are told that the lanes are lost (10000)",
  resultRetentionMs: "how long results of recorded requests are kept; the gateways' one (86400000, a day)",
  broadcastConcurrency: "broadcasts handled at once, those that are not ordered (16)",
  catchUp: "ttl: a new member also gets what was sent before it first joined and is alive; or none (none)",
  broadcastRetentionMs: "how long broadcasts are kept; the gateways' one (86400000, a day)",
  maxQueuedBroadcasts: "broadcasts held in memory (1000)",
  podUid: "what this process dies with: a successor with the same one does not wait for its lease (none)",
  url: "where this replica can be called directly, for the directory (none)",
};

/** The text of `--help`. */
export function usage(): string {
  return [
    "Usage: node main.js [--help]",
    "",
    "One replica of the example service: accounts in files, with deposit, withdraw, balance and statement.",
    "Every replica takes the broadcast interest-changed, and tells the balance of its own accounts to who asks it directly.",
    "Configured by the environment (defaults in parentheses):",
    "",
    ...table(ACCOUNTS_ENV, OURS),
    "",
    ...table(WORKER_ENV, WORKERS),
    "",
    "Connection to Kafka, SHARDCAST_KAFKA_BROKERS=host:port,… required:",
    "",
    ...Object.values(KAFKA_ENV).map((variable) => `  ${variable}`),
    "",
  ].join("\n");
}

function table<T extends Readonly<Record<string, string>>>(variables: T, meanings: Meanings<T>): string[] {
  const width = Math.max(...Object.values(variables).map((variable) => variable.length)) + 2;
  return Object.entries(variables).map(
    ([name, variable]) => `  ${variable.padEnd(width)}${meanings[name as keyof T]}`,
  );
}
