import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrokerProcess, hasEnded, spawnBroker } from "./broker-process.ts";
import type { BrokerProperties } from "./broker-properties.ts";
import { freeze } from "./freeze.ts";
import { guardAgainstOrphan } from "./orphan-guard.ts";
import { freePort } from "./ports.ts";
import { brokerFiles, prepareBroker } from "./prepare-broker.ts";

const stopGraceMs = 15_000;

export interface LocalBrokerOptions {
  /** Default: a free one. */
  port?: number;
  /** Where data, configuration and log stay. Default: a temporary folder, removed by `stop`. */
  dir?: string;
  /** A file that takes the broker's output. Default: broker.log in the folder. */
  log?: string;
  /** Entries of server.properties; they win over the defaults. */
  properties?: BrokerProperties;
}

/** A real Kafka on the local JVM, with the faults that tests want. It does not outlive the process that started it. */
export interface LocalBroker {
  readonly brokers: string[];
  /** Another one after each restart. */
  readonly pid: number;
  /** Freezes the broker: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  /** Ends the broker for good, also after a `kill`; forcibly if it does not end by itself in time. */
  stop(): Promise<void>;
  /** Ends the broker at once, as a crash would. Its data stays, for `restart`. */
  kill(): Promise<void>;
  /** Stops the broker if it runs and starts it again, on the same port and data. */
  restart(): Promise<void>;
}

export async function startLocalBroker(options: LocalBrokerOptions = {}): Promise<LocalBroker> {
  const port = options.port ?? (await freePort());
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), "shardcast-kafka-")));
  const files = { ...brokerFiles(dir), ...(options.log !== undefined && { log: options.log }) };
  const removeTemporary = async () => {
    if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
  };
  const start = () => spawnBroker(files, { port, detached: false, onSpawn: bindLife });

  let broker: BrokerProcess;
  try {
    await mkdir(dir, { recursive: true });
    await prepareBroker(files, port, options.properties);
    broker = await start();
  } catch (error) {
    await removeTemporary();
    throw error;
  }

  return {
    brokers: [`127.0.0.1:${port}`],
    get pid() {
      return broker.pid;
    },
    pause: () => freeze(broker.pid),
    resume: () => void broker.kill("SIGCONT"),
    async stop() {
      await endGracefully(broker);
      await removeTemporary();
    },
    kill: () => endNow(broker),
    async restart() {
      await endGracefully(broker);
      broker = await start();
    },
  };
}

function bindLife(broker: BrokerProcess): void {
  const dismissGuard = guardAgainstOrphan(broker.pid);
  broker.once("exit", dismissGuard);
}

async function endGracefully(broker: BrokerProcess): Promise<void> {
  if (hasEnded(broker)) return;
  const force = setTimeout(() => broker.kill("SIGKILL"), stopGraceMs);
  const ended = once(broker, "exit");
  broker.kill("SIGTERM");
  // A paused process gets the signal only once it runs again.
  broker.kill("SIGCONT");
  await ended;
  clearTimeout(force);
}

async function endNow(broker: BrokerProcess): Promise<void> {
  if (hasEnded(broker)) return;
  const ended = once(broker, "exit");
  broker.kill("SIGKILL");
  await ended;
}
