import type { StartedTestContainer } from "testcontainers";
import { type BrokerProperties, singleBroker } from "./broker-properties.ts";
import { freePort } from "./ports.ts";
import { runProcess, tail } from "./run-process.ts";

const defaultImage = "confluentinc/cp-kafka:8.1.1";
const startedMessage = /Kafka Server started/;
const probeLimitMs = 5_000;
const startLimitMs = 120_000;
/** The port that `@testcontainers/kafka` gives to the clients' listener inside the container. */
const containerPort = 9093;

export interface DockerBroker {
  readonly brokers: string[];
  pause(): Promise<void>;
  resume(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Whether a Docker daemon answers. */
export async function dockerAvailable(): Promise<boolean> {
  try {
    return (await runProcess("docker", ["info"], { timeoutMs: probeLimitMs })).code === 0;
  } catch {
    return false;
  }
}

/** Kafka in a container, from the image that KAFKA_IMAGE names. */
export async function startDockerBroker(): Promise<DockerBroker> {
  // Loaded only here: the many callers with a broker of their own need not wait for it.
  const [{ KafkaContainer }, { Wait }] = await Promise.all([
    import("@testcontainers/kafka"),
    import("testcontainers"),
  ]);
  const port = await freePort();

  /** A fixed port: Docker would map another one at each restart, while clients and broker know the first. */
  class FixedPortKafka extends KafkaContainer {
    protected override async beforeContainerCreated(): Promise<void> {
      await super.beforeContainerCreated();
      this.withExposedPorts({ container: containerPort, host: port });
    }
  }

  const container = await new FixedPortKafka(process.env.KAFKA_IMAGE ?? defaultImage)
    .withEnvironment(environment(singleBroker))
    .withWaitStrategy(Wait.forLogMessage(startedMessage))
    .withStartupTimeout(startLimitMs)
    .start();

  return {
    brokers: [`${container.getHost()}:${port}`],
    pause: () => docker("pause", container.getId()),
    resume: () => docker("unpause", container.getId()),
    async restart() {
      const since = Date.now() / 1_000;
      // At once: the container's first process is a shell, which passes no SIGTERM on to the broker.
      await container.restart({ timeout: 0 });
      await untilStarted(container, since);
    },
    async stop() {
      await container.stop();
    },
  };
}

/** The image's way to take server.properties. */
function environment(properties: BrokerProperties): Record<string, string> {
  const entries = Object.entries(properties).map(([name, value]) => [variable(name), value]);
  return Object.fromEntries(entries);
}

const variable = (name: string): string => `KAFKA_${name.toUpperCase().replaceAll(".", "_")}`;

async function docker(verb: string, id: string): Promise<void> {
  const { code, stderr } = await runProcess("docker", [verb, id]);
  if (code !== 0) throw new Error(`docker ${verb} failed:\n${tail(stderr)}`);
}

/** `KafkaContainer` waits for its own starter script at a restart, not for the broker. */
async function untilStarted(container: StartedTestContainer, since: number): Promise<void> {
  const logs = await container.logs({ since });
  const limit = setTimeout(
    () => logs.destroy(new Error("Kafka did not start again in its container")),
    startLimitMs,
  );
  let output = "";
  try {
    for await (const chunk of logs) {
      output += String(chunk);
      if (startedMessage.test(output)) return;
    }
    throw new Error(`Kafka ended while starting again in its container:\n${tail(output)}`);
  } finally {
    clearTimeout(limit);
  }
}
