import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AuthenticationProviderArgs, Mechanism } from "kafkajs";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { linkOpener } from "../src/link.ts";
import { KAFKA_ENV, type KafkaLogOptions, resolveKafkaOptions } from "../src/options.ts";

const configs: Record<string, unknown>[] = [];
vi.mock("kafkajs", async (original) => ({
  ...(await original<typeof import("kafkajs")>()),
  Kafka: class {
    constructor(config: Record<string, unknown>) {
      configs.push(config);
    }
  },
}));

let dir: string;
let caFile: string;
let tokenFile: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "shardcast-options-"));
  caFile = join(dir, "ca.pem");
  tokenFile = join(dir, "token");
  writeFileSync(caFile, "the authority");
  writeFileSync(tokenFile, "first token\n");
});
afterAll(() => rmSync(dir, { recursive: true }));

const brokers = ["a:9092"];

/** The configuration that kafkajs gets. */
function configOf(options: KafkaLogOptions, env: Record<string, string> = {}): Record<string, unknown> {
  linkOpener(resolveKafkaOptions({ brokers, ...options }, env), pino({ level: "silent" }))();
  return configs.at(-1) ?? {};
}

function faultsOf(options: KafkaLogOptions, env: Record<string, string> = {}): string[] {
  try {
    resolveKafkaOptions(options, env);
  } catch (error) {
    expect(error).toMatchObject({ code: "SHARDCAST_INVALID_CONFIG" });
    return (error as { extensions: { faults: string[] } }).extensions.faults;
  }
  return [];
}

describe("what is wrong", () => {
  test("brokers are required, and the message names option and variable", () => {
    expect(faultsOf({})).toEqual(["brokers (SHARDCAST_KAFKA_BROKERS): is required"]);
    expect(faultsOf({}, { SHARDCAST_KAFKA_BROKERS: " , " })).toHaveLength(1);
    expect(faultsOf({ brokers: [] })).toHaveLength(1);
  });

  test("all faults are told at once, also those that one option has because of another", () => {
    const faults = faultsOf(
      { appendAttempts: 0, sslCaFile: join(dir, "nowhere") },
      { SHARDCAST_KAFKA_SASL_MECHANISM: "plain", SHARDCAST_KAFKA_SESSION_TIMEOUT_MS: "1" },
    );
    expect(faults.map((fault) => fault.split(/[ :]/, 1)[0]).sort()).toEqual([
      "appendAttempts",
      "brokers",
      "saslPassword",
      "saslUsername",
      "sessionTimeoutMs",
      "sslCaFile",
    ]);
  });

  test("each mechanism says what it lacks", () => {
    for (const saslMechanism of ["plain", "scram-sha-256", "scram-sha-512"] as const) {
      expect(faultsOf({ brokers, saslMechanism, saslUsername: "u" })).toEqual([
        `saslPassword (SHARDCAST_KAFKA_SASL_PASSWORD): required by the ${saslMechanism} mechanism`,
      ]);
    }
    expect(faultsOf({ brokers, saslMechanism: "oauthbearer" })).toEqual([
      "saslTokenFile (SHARDCAST_KAFKA_SASL_TOKEN_FILE): required by the oauthbearer mechanism",
    ]);
  });

  test("credentials that no mechanism would use are a fault, not ignored", () => {
    expect(faultsOf({ brokers, saslUsername: "u", saslPassword: "p" })).toEqual([
      "saslMechanism (SHARDCAST_KAFKA_SASL_MECHANISM): required by saslUsername",
    ]);
  });

  test("a certificate of our own needs its key, and the key its certificate", () => {
    expect(faultsOf({ brokers, sslCertFile: caFile })).toEqual([
      "sslKeyFile (SHARDCAST_KAFKA_SSL_KEY_FILE): required by sslCertFile",
    ]);
    expect(faultsOf({ brokers, sslKeyFile: caFile })).toEqual([
      "sslCertFile (SHARDCAST_KAFKA_SSL_CERT_FILE): required by sslKeyFile",
    ]);
  });

  test("a mechanism that does not exist is refused", () => {
    expect(faultsOf({ brokers }, { SHARDCAST_KAFKA_SASL_MECHANISM: "gssapi" })).toHaveLength(1);
  });
});

describe("what kafkajs is told", () => {
  test("the environment fills what the options leave out", () => {
    const env = {
      [KAFKA_ENV.brokers]: "x:1,y:2",
      [KAFKA_ENV.clientId]: "from-env",
      [KAFKA_ENV.connectTimeoutMs]: "1234",
      [KAFKA_ENV.requestTimeoutMs]: "2345",
    };
    const config = configOf({ brokers: ["b:9092"], requestTimeoutMs: 500 }, env);
    expect(config).toMatchObject({
      brokers: ["b:9092"],
      clientId: "from-env",
      connectionTimeout: 1_234,
      authenticationTimeout: 1_234,
      requestTimeout: 500,
    });
  });

  test("neither TLS nor SASL unless asked for", () => {
    const config = configOf({});
    expect(config).not.toHaveProperty("ssl");
    expect(config).not.toHaveProperty("sasl");
  });

  test("TLS with Node's trust store, with an authority's file, and as an object", () => {
    expect(configOf({ ssl: true }).ssl).toBe(true);
    expect(configOf({}, { SHARDCAST_KAFKA_SSL: "yes" }).ssl).toBe(true);
    expect(configOf({ sslCaFile: caFile }).ssl).toEqual({ ca: Buffer.from("the authority") });
    const own = configOf({ sslCertFile: caFile, sslKeyFile: caFile });
    expect(own.ssl).toEqual({ cert: Buffer.from("the authority"), key: Buffer.from("the authority") });
    const ssl = { rejectUnauthorized: false };
    expect(configOf({ ssl }).ssl).toEqual(ssl);
    expect(configOf({ ssl, sslCaFile: caFile }).ssl).toEqual({ ...ssl, ca: Buffer.from("the authority") });
  });

  test.each(["plain", "scram-sha-256", "scram-sha-512"] as const)("SASL %s", (mechanism) => {
    const options: KafkaLogOptions = { saslMechanism: mechanism, saslUsername: "u", saslPassword: "p" };
    expect(configOf(options).sasl).toEqual({ mechanism, username: "u", password: "p" });
  });

  test("SASL oauthbearer reads the token's file at each authentication", async () => {
    const { sasl } = configOf({ saslMechanism: "oauthbearer", saslTokenFile: tokenFile });
    const { mechanism, authenticationProvider } = sasl as Mechanism;
    expect(mechanism).toBe("oauthbearer");
    const sent: string[] = [];
    const saslAuthenticate = (async ({ request }: { request: { encode: () => Buffer } }) => {
      sent.push(request.encode().toString());
    }) as unknown as AuthenticationProviderArgs["saslAuthenticate"];
    const authenticator = authenticationProvider({ saslAuthenticate } as AuthenticationProviderArgs);
    await authenticator.authenticate();
    writeFileSync(tokenFile, "second token\n");
    await authenticator.authenticate();
    expect(sent).toEqual([
      "\0\0\0\x1dn,,\x01auth=Bearer first token\x01\x01",
      "\0\0\0\x1en,,\x01auth=Bearer second token\x01\x01",
    ]);
  });

  test("kafkajs's own SASL object goes through as it is", () => {
    const sasl = { mechanism: "oauthbearer", oauthBearerProvider: async () => ({ value: "t" }) } as const;
    expect(configOf({ sasl }).sasl).toBe(sasl);
  });
});
