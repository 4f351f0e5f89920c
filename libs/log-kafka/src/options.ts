import { accessSync, constants } from "node:fs";
import { type EnvNames, flag, resolveConfig, textList, wholeNumber } from "@shardcast/protocol";
import type { KafkaConfig, SASLOptions } from "kafkajs";
import type { Logger } from "pino";
import { z } from "zod";

const MECHANISMS = ["plain", "scram-sha-256", "scram-sha-512", "oauthbearer"] as const;

const PASSWORD = ["saslUsername", "saslPassword"] as const;
const TOKEN = ["saslTokenFile"] as const;

const schema = z
  .object({
    brokers: textList().pipe(z.array(z.string()).min(1)),
    clientId: z.string().min(1).default("shardcast"),
    /** `true` for TLS with Node's trust store; an object of Node's `tls.connect` options from code. */
    ssl: z
      .union([flag(), z.custom<object>((value) => typeof value === "object" && value !== null)])
      .default(false),
    /** PEM file of the certificate authority, for `ssl` from the environment. */
    sslCaFile: z.string().refine(isReadable, "can not be read").optional(),
    /** PEM files of our own certificate and its key, for brokers that know their clients by certificates. */
    sslCertFile: z.string().refine(isReadable, "can not be read").optional(),
    sslKeyFile: z.string().refine(isReadable, "can not be read").optional(),
    /** kafkajs's own shape, from code; the way to bring an `oauthBearerProvider`. */
    sasl: z.custom<SASLOptions>((value) => typeof value === "object" && value !== null).optional(),
    saslMechanism: z.enum(MECHANISMS).optional(),
    saslUsername: z.string().optional(),
    saslPassword: z.string().optional(),
    /** A file that holds the bearer token, read again at each authentication. */
    saslTokenFile: z.string().optional(),
    connectTimeoutMs: wholeNumber(100, 60_000).default(3_000),
    requestTimeoutMs: wholeNumber(100, 120_000).default(5_000),
    /**
     * Attempts at one append before it fails as SHARDCAST_LOG_UNAVAILABLE; each may take `requestTimeoutMs`. kafkajs
     * makes no idempotent producer that may try once only.
     */
    appendAttempts: wholeNumber(2, 20).default(5),
    /** Without an answer for this long the log counts as away, and calls fail at once until it answers again. */
    unavailableAfterMs: wholeNumber(500, 60_000).default(3_000),
    /** Session of a reader's group of one: how long a stall it outlives without joining again. */
    sessionTimeoutMs: wholeNumber(6_000, 1_800_000).default(30_000),
    /** Largest record (key, value and headers); the broker's `message.max.bytes` must be above it. */
    maxRecordBytes: wholeNumber(1_024, 100_000_000).default(1_000_000),
    /** Bytes that may wait to be sent; over it appends fail as SHARDCAST_OVERLOADED (C7). */
    maxQueuedBytes: wholeNumber(1_000_000).default(64_000_000),
    /** Copies of each topic that is created. */
    replicationFactor: wholeNumber(1, 32).optional(),
  })
  .superRefine(
    (value, context) => {
      const { saslMechanism: mechanism, sslCertFile, sslKeyFile } = value;
      const fault = (option: keyof typeof value, message: string) =>
        context.addIssue({ code: "custom", path: [option], message });
      if (sslCertFile !== undefined && sslKeyFile === undefined)
        fault("sslKeyFile", "required by sslCertFile");
      if (sslKeyFile !== undefined && sslCertFile === undefined)
        fault("sslCertFile", "required by sslKeyFile");
      if (mechanism === undefined) {
        const unused = [...PASSWORD, ...TOKEN].find((option) => value[option] !== undefined);
        if (unused !== undefined) fault("saslMechanism", `required by ${unused}`);
        return;
      }
      if (!MECHANISMS.includes(mechanism)) return;
      const needed = mechanism === "oauthbearer" ? TOKEN : PASSWORD;
      for (const option of needed) {
        if (value[option] === undefined) fault(option, `required by the ${mechanism} mechanism`);
      }
    },
    { when: () => true }, // also when other options are at fault: all are told at once
  );

export type ResolvedKafkaOptions = z.infer<typeof schema>;

/** Environment variables that fill what the options leave out. */
export const KAFKA_ENV = {
  brokers: "SHARDCAST_KAFKA_BROKERS",
  clientId: "SHARDCAST_KAFKA_CLIENT_ID",
  ssl: "SHARDCAST_KAFKA_SSL",
  sslCaFile: "SHARDCAST_KAFKA_SSL_CA_FILE",
  sslCertFile: "SHARDCAST_KAFKA_SSL_CERT_FILE",
  sslKeyFile: "SHARDCAST_KAFKA_SSL_KEY_FILE",
  saslMechanism: "SHARDCAST_KAFKA_SASL_MECHANISM",
  saslUsername: "SHARDCAST_KAFKA_SASL_USERNAME",
  saslPassword: "SHARDCAST_KAFKA_SASL_PASSWORD",
  saslTokenFile: "SHARDCAST_KAFKA_SASL_TOKEN_FILE",
  connectTimeoutMs: "SHARDCAST_KAFKA_CONNECT_TIMEOUT_MS",
  requestTimeoutMs: "SHARDCAST_KAFKA_REQUEST_TIMEOUT_MS",
  appendAttempts: "SHARDCAST_KAFKA_APPEND_ATTEMPTS",
  unavailableAfterMs: "SHARDCAST_KAFKA_UNAVAILABLE_AFTER_MS",
  sessionTimeoutMs: "SHARDCAST_KAFKA_SESSION_TIMEOUT_MS",
  maxRecordBytes: "SHARDCAST_KAFKA_MAX_RECORD_BYTES",
  maxQueuedBytes: "SHARDCAST_KAFKA_MAX_QUEUED_BYTES",
  replicationFactor: "SHARDCAST_KAFKA_REPLICATION_FACTOR",
} as const satisfies EnvNames<ResolvedKafkaOptions>;

/** Options of the Kafka driver; see the schema for each. What is left out comes from the environment. */
export interface KafkaLogOptions {
  /** `host:port`, at least one. */
  readonly brokers?: readonly string[];
  readonly clientId?: string;
  readonly ssl?: KafkaConfig["ssl"];
  readonly sslCaFile?: string;
  readonly sslCertFile?: string;
  readonly sslKeyFile?: string;
  readonly sasl?: SASLOptions;
  readonly saslMechanism?: (typeof MECHANISMS)[number];
  readonly saslUsername?: string;
  readonly saslPassword?: string;
  readonly saslTokenFile?: string;
  readonly connectTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  readonly appendAttempts?: number;
  readonly unavailableAfterMs?: number;
  readonly sessionTimeoutMs?: number;
  readonly maxRecordBytes?: number;
  readonly maxQueuedBytes?: number;
  readonly replicationFactor?: number;
  readonly logger?: Logger;
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** Throws SHARDCAST_INVALID_CONFIG with all faults. */
export function resolveKafkaOptions(
  options: KafkaLogOptions,
  env: Readonly<Record<string, string | undefined>>,
): ResolvedKafkaOptions {
  return resolveConfig("kafka", schema, KAFKA_ENV, options as Record<string, unknown>, env);
}
