import { dockerAvailable, startDockerBroker } from "./docker-broker.ts";
import { javaAvailable } from "./jars.ts";
import { type LocalBroker, startLocalBroker } from "./local-broker.ts";

export interface TestBroker {
  readonly source: "KAFKA_BROKERS" | "docker" | "jvm";
  readonly brokers: string[];
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Keeps port and data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface TestBrokerOptions {
  /** A broker for one test alone, which may break it. */
  exclusive?: boolean;
}

type Road = () => Promise<TestBroker | undefined>;

/**
 * The broker for tests: KAFKA_BROKERS, else Docker, else the local JVM. An exclusive one is never KAFKA_BROKERS,
 * whose owner would not like faults, and is the JVM's if it can be: quicker to start, to freeze and to restart.
 */
export async function acquireTestBroker({ exclusive = false }: TestBrokerOptions = {}): Promise<TestBroker> {
  const roads: Road[] = exclusive ? [jvm, docker] : [fromEnvironment, docker, jvm];
  for (const road of roads) {
    const broker = await road();
    if (broker) return broker;
  }
  const others = exclusive ? "" : ", or set KAFKA_BROKERS to a broker that tests may use";
  throw new Error(
    `NO KAFKA FOR THE TESTS. Install a JDK of version 17 or later and Maven, or start Docker${others}.`,
  );
}

async function fromEnvironment(): Promise<TestBroker | undefined> {
  const brokers = (process.env.KAFKA_BROKERS ?? "")
    .split(",")
    .map((broker) => broker.trim())
    .filter((broker) => broker !== "");
  if (brokers.length === 0) return undefined;
  const refuse = async () => {
    throw new Error("The broker of KAFKA_BROKERS is not ours to disturb: acquire an exclusive one");
  };
  return {
    source: "KAFKA_BROKERS",
    brokers,
    pause: refuse,
    resume: refuse,
    restart: refuse,
    stop: async () => {},
  };
}

async function docker(): Promise<TestBroker | undefined> {
  if (!(await dockerAvailable())) return undefined;
  try {
    return { source: "docker", ...(await startDockerBroker()) };
  } catch (error) {
    console.warn(`Docker answers, but Kafka did not start in it (trying the next way): ${firstLine(error)}`);
    return undefined;
  }
}

async function jvm(): Promise<TestBroker | undefined> {
  if (!(await javaAvailable())) return undefined;
  return fromLocal(await startLocalBroker());
}

function fromLocal(broker: LocalBroker): TestBroker {
  return {
    source: "jvm",
    brokers: broker.brokers,
    pause: async () => broker.pause(),
    resume: async () => broker.resume(),
    restart: () => broker.restart(),
    stop: () => broker.stop(),
  };
}

function firstLine(error: unknown): string {
  return String(error).split("\n", 1)[0] ?? "";
}
