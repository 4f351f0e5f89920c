import type { Kafka } from "kafkajs";
import { hookClusters } from "./cluster-hook.ts";

/**
 * Has clients of this Kafka object look each coordinator up once. kafkajs asks before every step of a transaction, three
 * to four requests in a commit of as many. A coordinator that has moved makes the commit fail, and what was remembered ends
 * with the session; one that is not available is not remembered.
 */
export function rememberCoordinators(kafka: Kafka): void {
  hookClusters(kafka, (create) => (options) => {
    const cluster = create(options);
    const ask = cluster.findGroupCoordinatorMetadata.bind(cluster);
    const known = new Map<string, Promise<unknown>>();
    cluster.findGroupCoordinatorMetadata = (about) => {
      const name = `${about.coordinatorType}/${about.groupId}`;
      const found = known.get(name) ?? ask(about);
      known.set(name, found);
      found.catch(() => known.delete(name));
      return found;
    };
    return cluster;
  });
}
