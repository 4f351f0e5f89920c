export type BrokerProperties = Readonly<Record<string, string>>;

export interface BrokerPlace {
  /** Where clients connect. */
  port: number;
  /** Where the KRaft controller, in the same process, listens. */
  controllerPort: number;
  dataDir: string;
}

/**
 * A single broker can hold one replica only, so each internal topic says so; few internal partitions, and no wait for
 * further group members, make it start fast. Topics are created on purpose only. After a crash the controller holds a
 * new incarnation of the broker off until the old one's session has ended: with Kafka's default, 9 s.
 */
export const singleBroker: BrokerProperties = {
  "offsets.topic.replication.factor": "1",
  "offsets.topic.num.partitions": "8",
  "transaction.state.log.replication.factor": "1",
  "transaction.state.log.min.isr": "1",
  "transaction.state.log.num.partitions": "8",
  "share.coordinator.state.topic.replication.factor": "1",
  "share.coordinator.state.topic.min.isr": "1",
  "share.coordinator.state.topic.num.partitions": "1",
  "group.initial.rebalance.delay.ms": "0",
  "auto.create.topics.enable": "false",
  "broker.session.timeout.ms": "3000",
  "broker.heartbeat.interval.ms": "500",
};

/** One node that is broker and controller. */
const combinedNode: BrokerProperties = {
  "process.roles": "broker,controller",
  "node.id": "1",
  "controller.listener.names": "CONTROLLER",
  "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
  // The default of 128 MiB would be a quarter of our heap.
  "log.cleaner.dedupe.buffer.size": "8388608",
};

/** The text of server.properties; `overrides` win. */
export function renderServerProperties(place: BrokerPlace, overrides: BrokerProperties = {}): string {
  const properties: BrokerProperties = {
    ...combinedNode,
    ...singleBroker,
    listeners: `PLAINTEXT://127.0.0.1:${place.port},CONTROLLER://127.0.0.1:${place.controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${place.port}`,
    "controller.quorum.voters": `1@127.0.0.1:${place.controllerPort}`,
    "log.dirs": place.dataDir,
    ...overrides,
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}
