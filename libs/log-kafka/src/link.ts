import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import net from "node:net";
import tls from "node:tls";
import { Kafka, type KafkaConfig, logLevel, type Mechanism, type SASLOptions } from "kafkajs";
import type { Logger } from "pino";
import { oauthBearer } from "./oauth-bearer.ts";
import type { ResolvedKafkaOptions } from "./options.ts";

const KEEP_ALIVE_MS = 60_000;

/** Retries of kafkajs for everything but appends: few and short, since {@link Availability} knows about outages. */
export const RETRY = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 4, factor: 0.2, multiplier: 2 };

/**
 * A kafkajs instance whose sockets can be cut. kafkajs keeps retrying in the background and has states that it never
 * leaves when a broker stalls in the middle of a connection; what was given up must neither hang nor write late.
 */
export interface Link {
  readonly kafka: Kafka;
  /** Cuts every socket and refuses new ones. */
  cut(): void;
}

export type OpenLink = () => Link;

/** Resolves the credentials once and returns what opens links with them. */
export function linkOpener(options: ResolvedKafkaOptions, logger: Logger): OpenLink {
  const ssl = tlsOptions(options);
  const sasl = saslOptions(options);
  const logCreator = () => intoPino(logger);
  return () => {
    const { socketFactory, cut } = cuttableSockets();
    const kafka = new Kafka({
      brokers: [...options.brokers],
      clientId: options.clientId,
      connectionTimeout: options.connectTimeoutMs,
      authenticationTimeout: options.connectTimeoutMs,
      requestTimeout: options.requestTimeoutMs,
      retry: RETRY,
      socketFactory,
      logLevel: levelFor(logger),
      logCreator,
      ...(ssl === undefined ? {} : { ssl }),
      ...(sasl === undefined ? {} : { sasl }),
    });
    return { kafka, cut };
  };
}

/** What kafkajs shall tell: it makes its lines before anybody asks whether they are wanted, several for each request. */
function levelFor(logger: Logger): logLevel {
  if (logger.isLevelEnabled("trace")) return logLevel.DEBUG;
  return logger.isLevelEnabled("debug") ? logLevel.WARN : logLevel.NOTHING;
}

/**
 * kafkajs reports each attempt, and errors that it then mends by itself. What an operator must know is said once by
 * this driver, so kafkajs's own words go two levels down: errors and warnings to debug, the rest to trace.
 */
function intoPino(logger: Logger) {
  const child = logger.child({ component: "kafkajs" });
  return ({ level, log, namespace }: { level: number; log: Record<string, unknown>; namespace: string }) => {
    const { message, timestamp: _timestamp, logger: _logger, ...fields } = log;
    const target = level <= logLevel.WARN ? "debug" : "trace";
    if (child.isLevelEnabled(target)) child[target]({ namespace, ...fields }, String(message));
  };
}

/** As kafkajs's own, with Nagle's algorithm off: small requests must not wait for an acknowledgement. */
function cuttableSockets(): { socketFactory: NonNullable<KafkaConfig["socketFactory"]>; cut: () => void } {
  const sockets = new Set<net.Socket>();
  let isCut = false;
  return {
    socketFactory({ host, port, ssl, onConnect }) {
      if (isCut) throw new Error("this link was cut");
      const servername = net.isIP(host) === 0 ? { servername: host } : {};
      const socket = ssl
        ? tls.connect({ host, port, ...servername, ...ssl }, onConnect)
        : net.connect({ host, port }, onConnect);
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      return socket;
    },
    cut() {
      isCut = true;
      // With an error, since that is what makes kafkajs reject the requests that wait on the socket.
      for (const socket of sockets) socket.destroy(new Error("this link was cut"));
    },
  };
}

function tlsOptions(options: ResolvedKafkaOptions): KafkaConfig["ssl"] {
  const { ssl, sslCaFile, sslCertFile, sslKeyFile } = options;
  const files = { ca: sslCaFile, cert: sslCertFile, key: sslKeyFile };
  const named = Object.entries(files).filter(([, file]) => file !== undefined) as [string, string][];
  if (named.length === 0) return ssl === false ? undefined : (ssl as NonNullable<KafkaConfig["ssl"]>);
  const read = Object.fromEntries(named.map(([what, file]) => [what, readFileSync(file)]));
  return { ...(typeof ssl === "object" ? ssl : {}), ...read };
}

function saslOptions(options: ResolvedKafkaOptions): SASLOptions | Mechanism | undefined {
  if (options.sasl !== undefined) return options.sasl;
  const { saslMechanism: mechanism, saslUsername = "", saslPassword = "", saslTokenFile = "" } = options;
  if (mechanism === undefined) return undefined;
  if (mechanism !== "oauthbearer") {
    const credentials: SASLOptions = { mechanism, username: saslUsername, password: saslPassword };
    return credentials;
  }
  return oauthBearer(async () => (await readFile(saslTokenFile, "utf8")).trim());
}
