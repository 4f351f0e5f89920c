import { KAFKA_ENV } from "@shardcast/log-kafka";
import { GATEWAY_ENV } from "./options.ts";

/** What each variable is, in one line. Typed by the table of variables, so none can be forgotten. */
const MEANINGS: Readonly<Record<keyof typeof GATEWAY_ENV, string>> = {
  host: "address to listen on (0.0.0.0)",
  port: "port to listen on, 0 for a free one (8080)",
  services:
    "services to serve: name[=lanes[/replicas]][:strategy],… e.g. accounts=24/3,orders=12:modulo,invoices; required",
  replicasFile: 'JSON file with the replicas wanted now, {"accounts": 4}; looked at every second (none)',
  reassignAfterMs: "silence after which a member loses its lanes (10000)",
  planner: "whether this gateway may plan which member has which lane (true)",
  topicPrefix: "put before every topic's name; the workers' one (none)",
  bodyLimitBytes: "largest request body (900000)",
  maxInFlight: "requests in flight, over it 503 (10000)",
  maxInFlightPerLane: "requests waiting for one lane, over it 429 (1000)",
  maxBufferedBytes: "bytes of bodies held at once, over it 503 (256000000)",
  defaultTimeoutMs: "wait of a caller who does not say (30000)",
  maxTimeoutMs: "longest wait a caller gets (300000)",
  shutdownGraceMs: "time to finish accepted requests after SIGTERM (10000)",
  forwardHeaders: "names of request headers that travel to the handler, over the log (none)",
  logLevel: "fatal, error, warn, info, debug, trace or silent (info)",
};

/** The text of `--help`. */
export function usage(): string {
  const names = Object.keys(MEANINGS) as (keyof typeof MEANINGS)[];
  const width = Math.max(...names.map((name) => GATEWAY_ENV[name].length)) + 2;
  return [
    "Usage: shardcast-gateway [--help]",
    "",
    "POST /v1/{service}/keys/{key}[/{handler}] puts a request on the log and answers with the reply of the",
    "replica that owns the key. GET /v1/{service}/keys/{key} says which one that is, GET /v1/{service}/shards which",
    "one has which lane. Configured by the environment (defaults in parentheses):",
    "",
    ...names.map((name) => `  ${GATEWAY_ENV[name].padEnd(width)}${MEANINGS[name]}`),
    "",
    "Connection to Kafka, SHARDCAST_KAFKA_BROKERS=host:port,… required:",
    "",
    ...Object.values(KAFKA_ENV).map((variable) => `  ${variable}`),
    "",
  ].join("\n");
}
