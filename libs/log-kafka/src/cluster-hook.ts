import type { Kafka } from "kafkajs";

/** What kafkajs makes its clients of; as much of it as the driver touches. */
export interface Cluster {
  findGroupCoordinatorMetadata(about: {
    readonly groupId: string;
    readonly coordinatorType: number;
  }): Promise<unknown>;
}

export type CreateCluster = (options: object) => Cluster;

/**
 * Puts something between a Kafka object and the clusters it makes, for what kafkajs can do and has no option for. Whatever
 * that object makes from then on is concerned.
 */
export function hookClusters(kafka: Kafka, hook: (create: CreateCluster) => CreateCluster): void {
  const name = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === "private:Kafka:createCluster",
  );
  if (name === undefined) throw new Error("this is not the kafkajs that the driver was made for");
  const internals = kafka as unknown as Record<symbol, CreateCluster>;
  internals[name] = hook(internals[name] as CreateCluster);
}
