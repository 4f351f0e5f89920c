import type { Admin, Kafka } from "kafkajs";
import { RETRY } from "./link.ts";

/** As in kafkajs's protocol/isolationLevel. */
const READ_UNCOMMITTED = 0;

type CreateCluster = (options: object) => object;

/**
 * An admin client that sees what is not committed yet. kafkajs's own asks for offsets up to the last stable one only,
 * and has no option for it, although what it is made of does: this gives it through. A Kafka object that this is
 * called for makes nothing else.
 */
export function uncommittedAdmin(kafka: Kafka): Admin {
  const name = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === "private:Kafka:createCluster",
  );
  if (name === undefined) throw new Error("this is not the kafkajs that the driver was made for");
  const internals = kafka as unknown as Record<symbol, CreateCluster>;
  const create = internals[name] as CreateCluster;
  internals[name] = (options) => create({ ...options, isolationLevel: READ_UNCOMMITTED });
  return kafka.admin({ retry: RETRY });
}
