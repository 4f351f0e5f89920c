import type { AddressInfo } from "node:net";
import { DeadLettersByService } from "@shardcast/dead-letters";
import { pino } from "pino";
import { buildApp } from "./app.ts";
import { openBackend } from "./backend.ts";
import { loadContracts } from "./contracts/load.ts";
import { Lags } from "./lags.ts";
import { type GatewayOptions, resolveGatewayOptions } from "./options.ts";
import { openProxy } from "./proxy/proxy.ts";
import { shutDown } from "./shutdown.ts";
import { Visits } from "./visits.ts";

export interface Gateway {
  /** Where it listens, e.g. `http://127.0.0.1:8080`; a loopback address where it listens on all. */
  readonly url: string;
  readonly port: number;
  /** Resolves when every configured service can be called; rejects with SHARDCAST_CLOSED when closed before. */
  readonly ready: Promise<void>;
  /** Requests that wait for a worker's reply now. */
  readonly pending: number;
  /** Proxied requests that wait for an owner now. */
  readonly held: number;
  /**
   * Finishes what was accepted, within `shutdownGraceMs`, and leaves; closes the log as well. Idempotent: every call
   * returns the same promise.
   */
  close(): Promise<void>;
}

/**
 * Starts a gateway: listens at once, and answers 503 for each service until that service can be called.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG with all faults, for a file of rules that can not be read, or for StatefulSets without a way to the Kubernetes API;
 *   what `listen` failed with. The log is then still the caller's.
 */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const settings = resolveGatewayOptions(options, options.env);
  const { log } = options;
  const logger = options.logger ?? pino({ level: settings.logLevel });
  const contracts = await loadContracts(settings.contracts, Object.keys(settings.services));
  const visits = new Visits(settings);
  const backend = await openBackend({ log, logger, settings, env: options.env });
  const proxy = await openProxy({ settings, backend, visits, logger }).catch(async (error: unknown) => {
    await backend.endPlanning();
    await backend.endRequests();
    throw error;
  });
  const lags = new Lags({ log, logger, topicPrefix: settings.topicPrefix });
  const deadLetters = new DeadLettersByService({ log, logger, topicPrefix: settings.topicPrefix });
  const app = buildApp({ settings, logger, backend, visits, lags, deadLetters, contracts, proxy });
  try {
    await app.listen({ host: settings.host, port: settings.port });
  } catch (error) {
    await backend.endPlanning();
    await backend.endRequests();
    await app.close();
    await proxy?.close();
    throw error;
  }
  const { port } = app.server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  return {
    url: `http://${reachable(settings.host)}:${port}`,
    port,
    ready: backend.ready,
    get pending() {
      return backend.pending;
    },
    get held() {
      return proxy?.held ?? 0;
    },
    close() {
      closed ??= shutDown({ app, backend, visits, log, graceMs: settings.shutdownGraceMs }).finally(() =>
        proxy?.close(),
      );
      return closed;
    },
  };
}

function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
