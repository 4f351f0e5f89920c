import { KAFKA_ENV } from "@shardcast/log-kafka";
import { WORKER_ENV } from "@shardcast/worker";
import { SIDECAR_ENV } from "./options.ts";

type Meanings<T> = Readonly<Record<keyof T, string>>;

/** What each variable is, in one line. Typed by the table of variables, so none can be forgotten. */
const OURS: Meanings<typeof SIDECAR_ENV> = {
  appUrl: "the application: each broadcast is POSTed to this and /broadcasts/{handler}; required",
  appHealthUrl: "it joins when this answers with 2xx (it joins at once)",
  appHealthIntervalMs: "between two questions (500)",
  appTimeoutMs: "for all of one POST (30000)",
  maxReplyBytes: "longest body of an answer that goes back as the reply (64000)",
  maxRetryAfterMs: "the longest time that a Retry-After is heeded for (60000)",
  order: "ordered: one at a time, in order; or concurrent (ordered)",
  member: "this replica: a pod's name (the hostname)",
  membership:
    "durable: what was sent while it was down comes later; or ephemeral, for pods of a Deployment (durable if the name ends in an ordinal)",
  healthPort: "port for GET /healthz and /readyz, 0 for a free one (none)",
  logLevel: "fatal, error, warn, info, debug, trace or silent (info)",
};

/** Of the member's own variables, those that mean something here. */
const MEMBERS: Partial<Meanings<typeof WORKER_ENV>> = {
  service: "name of the service; required",
  replicas: "number of replicas that the service begins with; required of a durable member",
  lanes: "number of lanes of a durable member's service (SHARDCAST_REPLICAS)",
  topicPrefix: "put before every topic's name; the gateways' one (none)",
  broadcastConcurrency: "POSTs at once, where they are concurrent (16)",
  catchUp: "ttl: a new member also gets what was sent before it first joined and is alive; or none (none)",
  broadcastRetentionMs: "how long broadcasts are kept; the gateways' one (86400000, a day)",
  maxAttempts: "POSTs of one broadcast before it is given up (20)",
  retryMinMs: "first wait between attempts (100)",
  retryMaxMs: "longest wait between attempts (10000)",
  graceMs: "time to finish what runs after SIGTERM (10000)",
  podUid: "what this process dies with: a successor with the same one does not wait for its lease (none)",
};

/** The text of `--help`. */
export function usage(): string {
  return [
    "Usage: shardcast-sidecar [--help]",
    "",
    "Stands beside an application that speaks nothing but HTTP, and brings it what its member gets: broadcasts, for now.",
    "2xx acknowledges one, with the answer as the reply; 408, 425, 429, 5xx and silence have it sent again; the rest gives it up.",
    "Configured by the environment (defaults in parentheses):",
    "",
    ...table(SIDECAR_ENV, OURS),
    "",
    ...table(WORKER_ENV, MEMBERS),
    "",
    "Connection to Kafka, SHARDCAST_KAFKA_BROKERS=host:port,… required:",
    "",
    ...Object.values(KAFKA_ENV).map((variable) => `  ${variable}`),
    "",
  ].join("\n");
}

function table<T extends Readonly<Record<string, string>>>(
  variables: T,
  meanings: Partial<Meanings<T>>,
): string[] {
  const shown = Object.entries(meanings) as [keyof T & string, string][];
  const width = Math.max(...shown.map(([name]) => variables[name]?.length ?? 0)) + 2;
  return shown.map(([name, meaning]) => `  ${variables[name]?.padEnd(width)}${meaning}`);
}
