import type { Admin, Kafka } from "kafkajs";
import { hookClusters } from "./cluster-hook.ts";
import { RETRY } from "./link.ts";

/** As in kafkajs's protocol/isolationLevel. */
const READ_UNCOMMITTED = 0;

/**
 * An admin client that sees what is not committed yet. kafkajs's own asks for offsets up to the last stable one only,
 * and has no option for it, although what it is made of does: this gives it through. A Kafka object that this is
 * called for makes nothing else.
 */
export function uncommittedAdmin(kafka: Kafka): Admin {
  hookClusters(kafka, (create) => (options) => create({ ...options, isolationLevel: READ_UNCOMMITTED }));
  return kafka.admin({ retry: RETRY });
}
