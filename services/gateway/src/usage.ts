import { KAFKA_ENV } from "@shardcast/log-kafka";
import { GATEWAY_ENV } from "./options.ts";

/** What each variable is, in one line. Typed by the table of variables, so none can be forgotten. */
const MEANINGS: Readonly<Record<keyof typeof GATEWAY_ENV, string>> = {
  host: "address to listen on (0.0.0.0)",
  port: "port to listen on, 0 for a free one (8080)",
  services:
    "services to serve: name[=lanes[/replicas]][:strategy],… e.g. accounts=24/3,orders=12:modulo,invoices; 0 replicas: no durable members; required",
  keySources:
    "where POST /v1/{service}/requests finds the key: service=header:NAME, path:SEGMENT, query:NAME, json:POINTER, jwt:CLAIM or cookie:NAME,… (none)",
  contracts: "modules that export contracts: ./contracts.js,… (none)",
  replicasFile: 'JSON file with the replicas wanted now, {"accounts": 4}; looked at every second (none)',
  statefulSets:
    "StatefulSets whose spec.replicas are wanted and whose pods are told: service[=[namespace/]name],… by KUBECONFIG or the service account (none)",
  clusterDomain: "what names of Services end in, for DNS names of pods (cluster.local)",
  reassignAfterMs: "silence after which a member loses its lanes (10000)",
  planner: "whether this gateway may plan which member has which lane (true)",
  topicPrefix: "put before every topic's name; the workers' one (none)",
  bodyLimitBytes: "largest request body (900000)",
  maxInFlight: "requests in flight, over it 503 (10000)",
  maxInFlightPerLane: "requests waiting for one lane, over it 429 (1000)",
  maxInFlightPerKey: "requests of one key in flight, over it 429 (100)",
  maxBufferedBytes: "bytes of bodies held at once, over it 503 (256000000)",
  defaultTimeoutMs: "wait of a caller who does not say (30000)",
  maxTimeoutMs: "longest wait a caller gets (300000)",
  maxDelayMs: "how far ahead Delay and Delay-Until may be; the same in every gateway (604800000)",
  resultRetentionMs: "how long results of recorded requests are kept (86400000)",
  broadcastRetentionMs: "how long broadcasts are kept; the workers' one (86400000)",
  eventHeartbeatMs: "how often a quiet stream of events says that it lives (15000)",
  shutdownGraceMs: "time to finish accepted requests after SIGTERM (10000)",
  forwardHeaders: "names of request headers that travel to the handler, over the log (none)",
  callbackHosts: "who may be called back: api.example.com,*.example.com:8443 (none)",
  callbackSecret: "what callbacks are signed with, whsec_…; needed with hosts (none)",
  callbackAllowPrivate: "whether callbacks may go to private addresses (false)",
  callbackTimeoutMs: "time for one attempt of a callback (10000)",
  callbackMaxAttempts: "attempts before a callback goes to the dead letters (12)",
  callbackRetryMinMs: "first wait between its attempts (5000)",
  callbackRetryMaxMs: "longest wait between its attempts (600000)",
  proxy:
    "whether /v1/{service}/proxy/{key}/… goes straight to the owner's URL: true, false or names of services (false)",
  proxyRules:
    "YAML or JSON of rules that proxy other paths, or a file with it, looked at every second (none)",
  proxyHosts:
    "where owners may be: api.example.com,*.example.com,10.0.0.0/8 (anywhere that is not link-local)",
  proxyTimeoutMs: "from sending to the head of the answer, over it 504 (30000)",
  proxyIdleTimeoutMs: "longest silence within a proxied answer (300000)",
  proxyConnectTimeoutMs: "for one connection to an owner (2000)",
  proxyHoldMs: "how long a request waits for an owner that can be reached, over it 503 (5000)",
  maxProxyHeld: "requests that may wait so, over it 503 (1000)",
  proxyConnections: "connections to one owner, for reads and for all else each (256)",
  proxyTrustedProxies: "proxies in front whose X-Forwarded-For is believed (0)",
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
    "replica that owns the key; with Prefer: respond-async, or wait=SECONDS, the answer may be had later from",
    "GET /v1/{service}/requests/{id}[?wait=SECONDS] or …/events, and DELETE cancels. Idempotency-Key makes repetitions",
    "one request, Delay: SECONDS and Delay-Until: DATE let it start later, Request-Timeout: SECONDS is its deadline,",
    "and Shardcast-On-Disconnect: cancel ends it with its connection.",
    "POST /v1/{service}/requests[/{handler}] is the same, the key taken by the service's key source. The token of a jwt",
    "source is decoded, NOT VERIFIED: whoever can reach this gateway past what verifies it can claim any key.",
    "POST /v1/{service}/broadcasts?ack=all|quorum|none|N&ttl=SECONDS&handler=NAME reaches every member; GET …/broadcasts/{id}",
    "[?wait=SECONDS] or …/events says what each has made of it, and with which verdict, DELETE cancels it, POST …/{id}/redrive",
    "sends it again to who did not acknowledge, and GET /v1/{service}/broadcasts lists them.",
    "GET /v1/{service}/keys/{key} says which replica owns the key, GET /v1/{service}/shards which one has which lane, with their",
    "pods where a StatefulSet is named, and …/events of either tells each change,",
    "and GET /v1/{service}/hot-keys which keys of each lane were asked for most in the last minute.",
    "ANY /v1/{service}/proxy/{key}/… goes straight to the owner over HTTP and past the log, with SHARDCAST_PROXY; other paths by",
    "rules, with SHARDCAST_PROXY_RULES. None of it is ordered, fenced or kept on a log.",
    "GET /openapi.json, /v1/{service}/openapi.json, /v1/{service}/asyncapi.json and /docs describe it all.",
    "Configured by the environment (defaults in parentheses):",
    "",
    ...names.map((name) => `  ${GATEWAY_ENV[name].padEnd(width)}${MEANINGS[name]}`),
    "",
    "Connection to Kafka, SHARDCAST_KAFKA_BROKERS=host:port,… required:",
    "",
    ...Object.values(KAFKA_ENV).map((variable) => `  ${variable}`),
    "",
  ].join("\n");
}
