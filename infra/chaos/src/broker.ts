import { type LocalBroker, startLocalBroker } from "@shardcast/infra-kafka";
import { freePort } from "../../kafka/src/ports.ts";
import { Link } from "./link.ts";

/** The Kafka of a run. */
export interface ChaosBroker {
  readonly brokers: string;
  /** What a member connects to: a way of its own, where the broker is ours. */
  brokersFor(member: number): string;
  /** Undefined for a broker that is not ours to disturb. */
  readonly faulty: { readonly broker: LocalBroker; readonly links: readonly Link[] } | undefined;
  stop(): Promise<void>;
}

export function foreignBroker(brokers: string): ChaosBroker {
  return { brokers, brokersFor: () => brokers, faulty: undefined, stop: async () => {} };
}

/**
 * A broker with a listener for each member, which advertises the address of that member's proxy: Kafka's clients follow
 * what is advertised, so nothing of a member goes past its proxy.
 */
export async function startBroker(members: number): Promise<ChaosBroker> {
  const [port, controllerPort] = [await freePort(), await freePort()];
  const links: Link[] = [];
  const listeners = [`PLAINTEXT://127.0.0.1:${port}`, `CONTROLLER://127.0.0.1:${controllerPort}`];
  const advertised = [`PLAINTEXT://127.0.0.1:${port}`];
  const protocols = ["PLAINTEXT:PLAINTEXT", "CONTROLLER:PLAINTEXT"];
  for (let member = 0; member < members; member++) {
    const listenerPort = await freePort();
    const link = await Link.listen(await freePort(), listenerPort);
    links.push(link);
    listeners.push(`MEMBER${member}://127.0.0.1:${listenerPort}`);
    advertised.push(`MEMBER${member}://127.0.0.1:${link.port}`);
    protocols.push(`MEMBER${member}:PLAINTEXT`);
  }
  const closeLinks = () => {
    for (const link of links) link.close();
  };
  const starting = startLocalBroker({
    port,
    properties: {
      listeners: listeners.join(","),
      "advertised.listeners": advertised.join(","),
      "listener.security.protocol.map": protocols.join(","),
      "inter.broker.listener.name": "PLAINTEXT",
      "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    },
  });
  const broker = await starting.catch((error: unknown) => {
    closeLinks();
    throw error;
  });
  return {
    brokers: broker.brokers.join(","),
    brokersFor: (member) => `127.0.0.1:${links[member]?.port}`,
    faulty: { broker, links },
    async stop() {
      closeLinks();
      await broker.stop();
    },
  };
}
