import { KAFKA_ENV } from "@shardcast/log-kafka";
import { WORKER_ENV } from "@shardcast/worker";
import { SIDECAR_ENV } from "./options.ts";

type Meanings<T> = Readonly<Record<keyof T, string>>;

/** What each variable is, in one line. Typed by the table of variables, so none can be forgotten. */
const OURS: Meanings<typeof SIDECAR_ENV> = {
  appUrl: "the application: POSTs go to this and /requests/{handler}, /broadcasts/{handler}; required",
  appHealthUrl: "asked all the time; 2xx is well (whether anybody listens at the application's port)",
  appHealthIntervalMs: "between two questions (500)",
  appUnhealthyMs: "an application that is not well for so long has its member leave until it is back (30000)",
  appTimeoutMs: "for all of one POST, where the deadline does not come first (30000)",
  appFormat: "http; or cloudevents, with the headers ce-… of binary mode as well (http)",
  appLaneHooks: "true: POST /lanes/{lane}/acquired and /released, 2xx expected (false)",
  maxReplyBytes:
    "longest body of an answer that goes back as the reply; at most 64000 for a broadcast's (900000)",
  maxRetryAfterMs: "the longest time that a Retry-After is heeded for (60000)",
  maxAttempts: "POSTs of one request or broadcast before it is given up; not those that reach nobody (20)",
  order: "broadcasts, ordered: one at a time, in order; or concurrent (ordered)",
  member: "this replica: a pod's name (the hostname)",
  membership:
    "durable: has lanes, and broadcasts sent while it was down come later; or ephemeral, for pods of a Deployment, which get broadcasts alone (durable if the name ends in an ordinal)",
  localPort: "port on 127.0.0.1 where the application may publish and ask, 0 for a free one (none)",
  bodyLimitBytes: "longest body that it may publish (900000)",
  defaultTimeoutMs: "how long its request waits without Request-Timeout (30000)",
  maxTimeoutMs: "longest that it may wait (300000)",
  forwardHeaders: "names of its headers that travel with what it publishes, by commas (none)",
  healthPort: "port for GET /healthz, /readyz and /drained, 0 for a free one (none)",
  healthHost: "address to listen on for them (all)",
  logLevel: "fatal, error, warn, info, debug, trace or silent (info)",
};

/** Of the member's own variables, those that mean something here. */
const MEMBERS: Omit<Meanings<typeof WORKER_ENV>, "member" | "maxAttempts"> = {
  service: "name of the service; required",
  ordinalStart: "what the StatefulSet's ordinals begin at, its spec.ordinals.start (0)",
  replicas: "number of replicas that the service begins with; required of a durable member",
  lanes: "number of lanes of a durable member's service (SHARDCAST_REPLICAS)",
  topicPrefix: "put before every topic's name; the gateways' one (none)",
  concurrency: "POSTs of a lane that may run at once, each for another key (64)",
  maxQueued: "requests of a lane that may be held in memory (1000)",
  maxQueuedBytes: "the same in bytes; also for broadcasts (16000000)",
  retryMinMs: "first wait between attempts (100)",
  retryMaxMs: "longest wait between attempts (10000)",
  onExhausted: "continue, or park the key of a request that was given up (continue)",
  delivery:
    "at-least-once, or exactly-once: replies are committed together with the progress (at-least-once)",
  commitIntervalMs: "how often progress is committed; what was done since runs again after a crash (500)",
  graceMs: "time to finish what runs after SIGTERM (10000)",
  drainMs: "time to finish what runs on a lane that moves (10000)",
  leaseMs: "how long who takes over from a crashed member waits (1500)",
  lostAfterMs:
    "without its lease for so long, POSTs that run are given up; the gateways' reassign time (10000)",
  hookTimeoutMs: "for one call of a lane hook (30000)",
  resultRetentionMs: "how long it is known how recorded requests ended; the gateways' one (86400000, a day)",
  broadcastConcurrency: "POSTs of broadcasts at once, where they are concurrent (16)",
  catchUp: "ttl: a new member also gets what was sent before it first joined and is alive; or none (none)",
  broadcastRetentionMs: "how long broadcasts are kept; the gateways' one (86400000, a day)",
  maxQueuedBroadcasts: "broadcasts that may be held in memory (1000)",
  podUid: "what this process dies with: a successor with the same one does not wait for its lease (none)",
  url: "where the application can be called directly; it is in the directory (none)",
};

/** The text of `--help`. */
export function usage(): string {
  return [
    "Usage: shardcast-sidecar [--help]",
    "",
    "Stands beside an application that speaks nothing but HTTP, and brings it what its member gets: the requests of its lanes and",
    "broadcasts. 2xx is done, with the answer as the reply; 408, 425, 429, 5xx and silence have it sent again; the rest ends it.",
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
