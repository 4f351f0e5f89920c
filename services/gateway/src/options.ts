import type { ServiceRoute } from "@shardcast/client";
import type { Contract } from "@shardcast/contract";
import type { Log } from "@shardcast/log";
import {
  BROADCAST_RETENTION_MS,
  type EnvNames,
  flag,
  RESULT_RETENTION_MS,
  resolveConfig,
  textList,
  wholeNumber,
} from "@shardcast/protocol";
import type { Logger } from "pino";
import { z } from "zod";
import { CALLBACK_ENV, type CallbackOptions, callbackShape, checkCallbacks } from "./callbacks/options.ts";
import { contractsOption } from "./contracts/option.ts";
import type { KeySource } from "./key-sources/key-source.ts";
import { checkKeySources, keySourcesOption } from "./key-sources/option.ts";
import { checkProxy, PROXY_ENV, type ProxyOptions, proxyShape } from "./proxy/options.ts";
import { servicesOption } from "./services.ts";
import { checkStatefulSets, type StatefulSetRef, statefulSetsOption } from "./stateful-sets-option.ts";

const LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const TOPIC_PREFIX = /^[A-Za-z0-9._-]*$/;
const DOMAIN = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
/** A timer holds no more. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const DAY_MS = 24 * 3_600_000;
/** Beyond a year it is a typing error, not a plan. */
const MAX_DELAY_MS = 366 * DAY_MS;

const schema = z
  .object({
    host: z.string().min(1).default("0.0.0.0"),
    port: wholeNumber(0, 65_535).default(8080),
    services: servicesOption,
    keySources: keySourcesOption.default({}),
    contracts: contractsOption.default([]),
    replicasFile: z.string().min(1).exactOptional(),
    statefulSets: statefulSetsOption.default({}),
    clusterDomain: z.string().regex(DOMAIN, "not a domain").default("cluster.local"),
    reassignAfterMs: wholeNumber(1_000, MAX_TIMER_MS).default(10_000),
    planner: flag().default(true),
    topicPrefix: z.string().regex(TOPIC_PREFIX, "letters, digits, '.', '_' and '-'").default(""),
    bodyLimitBytes: wholeNumber(1, 100_000_000).default(900_000),
    maxInFlight: wholeNumber(1).default(10_000),
    maxInFlightPerLane: wholeNumber(1).default(1_000),
    maxInFlightPerKey: wholeNumber(1).default(100),
    maxBufferedBytes: wholeNumber(1_000_000).default(256_000_000),
    defaultTimeoutMs: wholeNumber(1, MAX_TIMER_MS).default(30_000),
    maxTimeoutMs: wholeNumber(1, MAX_TIMER_MS).default(300_000),
    maxDelayMs: wholeNumber(0, MAX_DELAY_MS).default(7 * DAY_MS),
    resultRetentionMs: wholeNumber(1_000, MAX_DELAY_MS).default(RESULT_RETENTION_MS),
    broadcastRetentionMs: wholeNumber(1_000, MAX_DELAY_MS).default(BROADCAST_RETENTION_MS),
    eventHeartbeatMs: wholeNumber(1, MAX_TIMER_MS).default(15_000),
    shutdownGraceMs: wholeNumber(0, MAX_TIMER_MS).default(10_000),
    forwardHeaders: textList()
      .pipe(z.array(z.string().regex(HEADER_NAME, "not the name of a header").toLowerCase()))
      .default([]),
    ...callbackShape,
    ...proxyShape,
    logLevel: z.enum(LEVELS).default("info"),
  })
  .check(checkCallbacks)
  .check(checkKeySources)
  .check(checkStatefulSets)
  .check(checkProxy);

export type ResolvedGatewayOptions = z.infer<typeof schema>;

/** Environment variables that fill what the options leave out. */
export const GATEWAY_ENV = {
  host: "SHARDCAST_HOST",
  port: "SHARDCAST_PORT",
  services: "SHARDCAST_SERVICES",
  keySources: "SHARDCAST_KEY_SOURCES",
  contracts: "SHARDCAST_CONTRACTS",
  replicasFile: "SHARDCAST_REPLICAS_FILE",
  statefulSets: "SHARDCAST_STATEFUL_SETS",
  clusterDomain: "SHARDCAST_CLUSTER_DOMAIN",
  reassignAfterMs: "SHARDCAST_REASSIGN_AFTER_MS",
  planner: "SHARDCAST_PLANNER",
  topicPrefix: "SHARDCAST_TOPIC_PREFIX",
  bodyLimitBytes: "SHARDCAST_BODY_LIMIT_BYTES",
  maxInFlight: "SHARDCAST_MAX_IN_FLIGHT",
  maxInFlightPerLane: "SHARDCAST_MAX_IN_FLIGHT_PER_LANE",
  maxInFlightPerKey: "SHARDCAST_MAX_IN_FLIGHT_PER_KEY",
  maxBufferedBytes: "SHARDCAST_MAX_BUFFERED_BYTES",
  defaultTimeoutMs: "SHARDCAST_DEFAULT_TIMEOUT_MS",
  maxTimeoutMs: "SHARDCAST_MAX_TIMEOUT_MS",
  maxDelayMs: "SHARDCAST_MAX_DELAY_MS",
  resultRetentionMs: "SHARDCAST_RESULT_RETENTION_MS",
  broadcastRetentionMs: "SHARDCAST_BROADCAST_RETENTION_MS",
  eventHeartbeatMs: "SHARDCAST_EVENT_HEARTBEAT_MS",
  shutdownGraceMs: "SHARDCAST_SHUTDOWN_GRACE_MS",
  forwardHeaders: "SHARDCAST_FORWARD_HEADERS",
  ...CALLBACK_ENV,
  ...PROXY_ENV,
  logLevel: "SHARDCAST_LOG_LEVEL",
} as const satisfies EnvNames<ResolvedGatewayOptions>;

/** Options that have an environment variable of their own, named in {@link GATEWAY_ENV}. */
export interface GatewaySettings extends CallbackOptions, ProxyOptions {
  /** Address to listen on. Default `0.0.0.0`. */
  readonly host?: string;
  /** Default 8080; 0 takes a free one. */
  readonly port?: number;
  /**
   * The services to serve; others are answered 404. As text, `name[=lanes[/replicas]][:strategy]`:
   * `accounts=24/3,orders=12:modulo,invoices`. Replicas are as many as lanes unless it says otherwise; 0 for a service
   * without durable members, whose broadcasts expect only who is alive.
   */
  readonly services?: Readonly<Record<string, ServiceRoute>> | string;
  /**
   * Where `POST /v1/{service}/requests` finds the shard key, by service. As text,
   * `accounts=header:x-account-id,orders=json:/order/accountId,tenants=query:tenant,users=jwt:sub,docs=path:2,carts=cookie:cart`. The token of
   * `jwt` is only decoded, NOT VERIFIED: for gateways that nobody reaches but through what verifies it. Default none.
   */
  readonly keySources?: Readonly<Record<string, KeySource>> | string;
  /**
   * Contracts, made by `defineService`, or paths of modules that export some; as text, paths separated by commas. What does
   * not fit its service's contract is refused before it is on the log. Default none.
   */
  readonly contracts?: readonly (Contract | string)[] | string;
  /**
   * A JSON file that says how many replicas are wanted now, `{"accounts": 4}`, and counts more than `services`. Looked at
   * every second; while it is bad or missing, what it said last counts. Default none.
   */
  readonly replicasFile?: string;
  /**
   * StatefulSets whose `spec.replicas` say how many replicas are wanted now, and count more than `services`, and whose pods the
   * directory tells. As text, `service[=[namespace/]name]`: `accounts,orders=shop/orders-v2`; the name is the service's and the
   * namespace our own, unless it says otherwise. Reached by `KUBECONFIG`, or as the pod's service account; while that is not
   * possible, what was read last counts, and before the last map, without which nothing is planned. Not together with
   * `replicasFile`. Default none.
   */
  readonly statefulSets?: Readonly<Record<string, StatefulSetRef>> | string;
  /** What the names of Services end in, for the DNS names of pods in the directory. Default `cluster.local`. */
  readonly clusterDomain?: string;
  /** A member that is silent for so long loses its lanes to others. Default 10,000, at least 1,000. */
  readonly reassignAfterMs?: number;
  /** Whether this gateway may be the one that plans which member has which lane. Default true. */
  readonly planner?: boolean;
  /** Put before every topic's name; must be the workers' one. Default none. */
  readonly topicPrefix?: string;
  /** Largest request body. Default 900,000: with key and headers it fits Kafka's default record of 1 MB. */
  readonly bodyLimitBytes?: number;
  /** Requests at the door or waiting for a reply; over it 503 (C7). Default 10,000. */
  readonly maxInFlight?: number;
  /** Requests waiting for one lane; over it 429 (C7). Default 1,000. */
  readonly maxInFlightPerLane?: number;
  /**
   * Requests of one shard key that wait for it, or were submitted here and have not ended; over it 429 (C7). Default 100.
   */
  readonly maxInFlightPerKey?: number;
  /** Bytes of request and reply bodies held at once; over it 503 (C7). Default 256,000,000. */
  readonly maxBufferedBytes?: number;
  /** How long a caller waits who does not say. Default 30,000. */
  readonly defaultTimeoutMs?: number;
  /** Longest wait a caller gets; more is cut to it. Default 300,000. */
  readonly maxTimeoutMs?: number;
  /**
   * How far ahead `Delay` and `Delay-Until` may be; more is refused. The same in every gateway: what is older than this and
   * `resultRetentionMs` together, and not recorded, counts as unknown. Default seven days.
   */
  readonly maxDelayMs?: number;
  /**
   * How long results of recorded requests are kept: what topics of results are created with, and what answers state. Where a
   * topic exists already, its configuration should say the same. Default 86,400,000, one day.
   */
  readonly resultRetentionMs?: number;
  /**
   * How long broadcasts, and what members say of them, are kept, and so the longest time to live of one: what their topics are
   * created with. The same in every gateway and worker. Default 86,400,000, one day.
   */
  readonly broadcastRetentionMs?: number;
  /** How often a quiet stream of events says that it lives. Default 15,000. */
  readonly eventHeartbeatMs?: number;
  /** How long `close()` lets accepted requests finish. Default 10,000. */
  readonly shutdownGraceMs?: number;
  /**
   * Names of request headers that travel to the handler. Default none: what travels lies on the log, readable for as
   * long as the topic keeps it, and the headers of a request are full of credentials (Authorization, Cookie).
   */
  readonly forwardHeaders?: readonly string[];
  /** Default `info`. Requests are not logged, only what goes wrong at our end. */
  readonly logLevel?: (typeof LEVELS)[number];
}

export interface GatewayOptions extends GatewaySettings {
  /** The connection to the log. The gateway takes it over and closes it. */
  readonly log: Log;
  /** Default: a pino logger of `logLevel` to standard output. */
  readonly logger?: Logger;
  /** Where settings that are not given come from. Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Throws SHARDCAST_INVALID_CONFIG with all faults. */
export function resolveGatewayOptions(
  options: GatewaySettings,
  env: Readonly<Record<string, string | undefined>> = process.env,
): ResolvedGatewayOptions {
  return resolveConfig("gateway", schema, GATEWAY_ENV, options as Record<string, unknown>, env);
}
