import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { javaAvailable, type LocalBroker, startLocalBroker } from "@shardcast/infra-kafka";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KafkaLogOptions } from "../src/index.ts";
import { freePort, makeTopic, openLog, readAll, textRecord, tool } from "./support/kafka.ts";

const USER = { saslUsername: "alice", saslPassword: "alice's secret" };
const KEYTOOL = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, "bin", "keytool") : "keytool";
const STORE_PASSWORD = "changeit";

const module = (name: string, rest = "") =>
  `org.apache.kafka.common.security.${name} required${rest === "" ? "" : ` ${rest}`};`;

describe.skipIf(!(await javaAvailable()))("a broker that asks who we are", () => {
  let dir: string;
  let broker: LocalBroker;
  let sasl: string[];
  let tls: string[];
  let both: string[];
  let mutual: string[];
  let client: string;
  let caFile: string;
  let otherCaFile: string;
  let tokenFile: string;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "shardcast-security-"));
    const [store, otherStore] = await Promise.all(
      ["broker", "other"].map((name) => makeKeys(join(dir, name))),
    );
    caFile = `${store}.pem`;
    otherCaFile = `${otherStore}.pem`;
    tokenFile = join(dir, "token");
    client = await makeClient(join(dir, "client"));

    const port = await freePort();
    const [saslPort, tlsPort, bothPort, mutualPort] = [
      ...[await freePort(), await freePort(), await freePort(), await freePort()],
    ];
    const controllerPort = await freePort();
    sasl = [`127.0.0.1:${saslPort}`];
    tls = [`127.0.0.1:${tlsPort}`];
    both = [`127.0.0.1:${bothPort}`];
    mutual = [`127.0.0.1:${mutualPort}`];
    const listeners = [
      ...[`PLAINTEXT:${port}`, `SASL:${saslPort}`, `TLS:${tlsPort}`],
      ...[`BOTH:${bothPort}`, `MUTUAL:${mutualPort}`],
    ];
    const addresses = listeners.map((each) => each.replace(":", "://127.0.0.1:"));
    const users = `user_alice="${USER.saslPassword}"`;
    const mechanisms: Record<string, string> = {
      plain: module("plain.PlainLoginModule", users),
      "scram-sha-256": module("scram.ScramLoginModule"),
      "scram-sha-512": module("scram.ScramLoginModule"),
      oauthbearer: module("oauthbearer.OAuthBearerLoginModule", 'unsecuredLoginStringClaim_sub="broker"'),
    };
    const jaas = ["sasl", "both"].flatMap((listener) =>
      Object.entries(mechanisms).map(([mechanism, text]) => [
        `listener.name.${listener}.${mechanism}.sasl.jaas.config`,
        text,
      ]),
    );
    broker = await startLocalBroker({
      port,
      properties: {
        listeners: [...addresses, `CONTROLLER://127.0.0.1:${controllerPort}`].join(),
        "advertised.listeners": addresses.join(),
        "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
        "listener.security.protocol.map":
          "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,BOTH:SASL_SSL,MUTUAL:SSL",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
        ...Object.fromEntries(jaas),
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.location": `${store}.p12`,
        "ssl.keystore.password": STORE_PASSWORD,
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.mutual.ssl.truststore.type": "PEM",
        "listener.name.mutual.ssl.truststore.location": `${client}.crt`,
      },
    });
    const alter = ["--alter", "--entity-type", "users", "--entity-name", "alice", "--add-config"];
    await Promise.all(
      ["SCRAM-SHA-256", "SCRAM-SHA-512"].map((mechanism) =>
        tool("kafka.admin.ConfigCommand", `127.0.0.1:${port}`, [
          ...alter,
          `${mechanism}=[password=${USER.saslPassword}]`,
        ]),
      ),
    );
  }, 120_000);
  afterAll(async () => {
    await broker?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  /** Appends, reads back and commits: every kind of connection that the driver makes. */
  async function expectAllToWork(brokers: string[], options: KafkaLogOptions): Promise<void> {
    const { log } = openLog(brokers, options);
    const topic = await makeTopic(log);
    await log.append(textRecord(topic, 0, "let in"));
    expect(await readAll(log, topic)).toEqual(["let in"]);
    const session = await log.openSession({ service: topic, member: "0", topic });
    expect(await session.commit({})).toEqual({ kind: "committed", offsets: [] });
  }

  /** Refused, with the reason: by the first calls, and also after the log has found itself to be shut out. */
  async function expectRefusal(brokers: string[], options: KafkaLogOptions, reason: RegExp): Promise<void> {
    const { log, lines } = openLog(brokers, options);
    const refusal = { code: "SHARDCAST_LOG_REFUSED", message: expect.stringMatching(reason) };
    const refused = async () => {
      await expect(log.append(textRecord("t", 0, "x"))).rejects.toMatchObject(refusal);
      await expect(log.partitionsOf("t")).rejects.toMatchObject(refusal);
      await expect(log.openReader({ topics: ["t"], onRecords: () => {} })).rejects.toMatchObject(refusal);
      await expect(log.openSession({ service: "s", member: "0", topic: "t" })).rejects.toMatchObject(refusal);
    };
    await refused();
    await expect.poll(() => log.available, { timeout: 20_000 }).toBe(false);
    await refused();
    expect(lines.filter(({ level }) => level >= 40)).toMatchObject([
      { reason: expect.stringMatching(reason) },
    ]);
  }

  const mechanisms = ["plain", "scram-sha-256", "scram-sha-512"] as const;

  test.each(mechanisms)("%s: the right password is let in", async (saslMechanism) => {
    await expectAllToWork(sasl, { saslMechanism, ...USER });
  });

  test.each(mechanisms)("%s: a wrong password is refused, and said to be", async (saslMechanism) => {
    const options = { saslMechanism, ...USER, saslPassword: "a guess" };
    await expectRefusal(sasl, options, /SASL .*authentication failed.*/i);
  });

  test("oauthbearer: a token is let in, an expired one refused", async () => {
    const options = { saslMechanism: "oauthbearer", saslTokenFile: tokenFile } as const;
    await writeFile(tokenFile, unsecuredToken(3_600));
    await expectAllToWork(sasl, options);
    await writeFile(tokenFile, unsecuredToken(-3_600));
    await expectRefusal(sasl, options, /OAUTHBEARER authentication failed: .*invalid_token/);
  });

  test("a mechanism that the broker does not have is refused", async () => {
    const other = {
      mechanism: "aws",
      authorizationIdentity: "i",
      accessKeyId: "k",
      secretAccessKey: "s",
    } as const;
    await expectRefusal(sasl, { sasl: other }, /mechanism/i);
  });

  test("TLS: the broker's authority is believed, alone and together with a password", async () => {
    await expectAllToWork(tls, { sslCaFile: caFile });
    await expectAllToWork(both, { sslCaFile: caFile, saslMechanism: "scram-sha-512", ...USER });
  });

  test("TLS: a broker that knows its clients by certificates lets ours in, and nobody without one", async () => {
    const own = { sslCertFile: `${client}.crt`, sslKeyFile: `${client}.key` };
    await expectAllToWork(mutual, { sslCaFile: caFile, ...own });
    const { log } = openLog(mutual, { sslCaFile: caFile });
    await expect(log.partitionsOf("t")).rejects.toMatchObject({
      message: expect.stringMatching(/certificate/),
    });
  });

  test("TLS: an authority that is not the broker's is refused, and so is Node's own trust store", async () => {
    await expectRefusal(tls, { sslCaFile: otherCaFile }, /certificate/);
    await expectRefusal(tls, { ssl: true }, /certificate/);
  });

  test("TLS spoken to a broker that does not looks like an outage, but the reason says TLS", async () => {
    const { log } = openLog(sasl, { ssl: true });
    await expect(log.partitionsOf("t")).rejects.toMatchObject({ message: expect.stringContaining("TLS") });
  });
});

/** A key pair whose certificate is its own authority, as `<path>.p12` and `<path>.pem`; returns the path. */
async function makeKeys(path: string): Promise<string> {
  const store = [
    "-alias",
    "key",
    "-keystore",
    `${path}.p12`,
    "-storetype",
    "PKCS12",
    "-storepass",
    STORE_PASSWORD,
  ];
  const keytool = promisify(execFile);
  const certificate = ["-dname", "CN=broker", "-ext", "SAN=ip:127.0.0.1", "-validity", "2"];
  await keytool(KEYTOOL, ["-genkeypair", "-keyalg", "EC", ...certificate, ...store]);
  await keytool(KEYTOOL, ["-exportcert", "-rfc", "-file", `${path}.pem`, ...store]);
  return path;
}

/** A certificate that is its own authority, as `<path>.crt` and `<path>.key`; returns the path. */
async function makeClient(path: string): Promise<string> {
  const files = ["-keyout", `${path}.key`, "-out", `${path}.crt`];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  await promisify(execFile)("openssl", [
    ...["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=alice", ...curve, ...files],
  ]);
  return path;
}

/** A JWS without a signature, which Kafka's default validator takes for test purposes. */
function unsecuredToken(lifetimeSeconds: number): string {
  const nowSeconds = Math.floor(Date.now() / 1_000);
  const claims = { sub: "alice", iat: nowSeconds - 7_200, exp: nowSeconds + lifetimeSeconds };
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  return `${encode({ alg: "none" })}.${encode(claims)}.`;
}
